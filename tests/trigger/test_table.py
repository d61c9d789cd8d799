"""Which nodes a trigger serves, and how often it reads their table."""

from __future__ import annotations

import hashlib

from tests.trigger.called import World, round_start
from tests.trigger.region import ROW
from trigger.table import TABLE_SECONDS, Row

OTHER = "5f0c8a31-0000-4f5b-9a35-0d1f6f1b7c01"


def test_a_row_is_the_same_after_it_was_an_objects_name() -> None:
    rows = [ROW, ROW._replace(queue="", enabled="no", cron="*/5 9-17 * * 1,2", timezone="Europe/Berlin")]
    assert [Row.read_key(row.write_key()) for row in rows] == rows
    assert [Row.read_columns(row._asdict() | {"new": "column"}) for row in rows] == rows
    assert Row.read_key("a/name/of/something/else") is None
    assert Row.read_columns({"node": "alpha"}) is None


def test_a_node_is_served_once_its_row_is_in_the_table_and_not_after_its_removal() -> None:
    world = World()
    world.store.rows = []
    assert world.call().status == 404
    world.store.rows = [ROW]
    world.clock += TABLE_SECONDS
    assert world.call().status == 202
    world.store.rows = []
    world.clock += TABLE_SECONDS
    assert world.call(round_start(triggerId="another-id")).status == 404


def test_of_two_rows_of_a_model_the_last_one_counts() -> None:
    world = World()
    world.store.rows = [ROW._replace(node="old"), ROW]
    world.call()
    assert world.cluster.started[0]["NODE_NAME"] == "alpha"


def test_a_renamed_node_s_old_webhook_starts_the_old_job_while_its_row_is_there() -> None:
    world = World()
    new = hashlib.sha256(b"the-new-token").hexdigest()
    world.store.rows = [ROW, ROW._replace(node="renamed", token_sha256=new, job="job-of-renamed")]
    assert world.call().status == 202
    assert world.call(round_start(triggerId="another-id"), query={"token": "the-new-token"}).status == 202
    assert [env["NODE_NAME"] for env in world.cluster.started] == ["alpha", "renamed"]
    assert world.call(query={"token": "wrong"}).status == 401


def test_a_flood_of_wrong_calls_reads_the_table_once_in_a_while_and_asks_no_cluster() -> None:
    world = World()
    for _ in range(100):
        world.call(path=f"/pred/{OTHER}")
        world.call(query={"token": "wrong"})
        world.call(path=f"/health/{OTHER}", method="GET")
    assert (world.store.reads, world.cluster.looked_up, world.store.objects) == (1, 0, {})
    world.clock += TABLE_SECONDS
    world.call(path=f"/pred/{OTHER}")
    assert world.store.reads == 2


def test_a_table_that_cannot_be_read_is_used_as_it_was() -> None:
    world = World()
    world.store.broken = lambda key: key == "table"
    assert (world.call().status, world.store.reads) == (503, 1)
    assert (world.call().status, world.store.reads) == (503, 1)
    world.store.broken = lambda key: False
    world.clock += TABLE_SECONDS
    assert world.call().status == 202
    world.store.broken = lambda key: key == "table"
    world.clock += TABLE_SECONDS
    assert world.call(round_start(triggerId="another-id")).status == 202
