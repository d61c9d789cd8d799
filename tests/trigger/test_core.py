"""What is logged about calls, and what needs no token."""

from __future__ import annotations

import json
from dataclasses import asdict

from tests.trigger.called import TRIGGER, World, round_start
from tests.trigger.region import MODEL, ROW, TOKEN
from trigger.log_line import TriggerLine, parse
from trigger.table import TABLE_SECONDS

OTHER = "5f0c8a31-0000-4f5b-9a35-0d1f6f1b7c01"


def test_a_test_run_says_so_to_the_job() -> None:
    world = World()
    assert world.call(round_start(roundNumber="test", isTest=True)).status == 202
    assert (world.cluster.started[0]["ROUND_NUMBER"], world.cluster.started[0]["IS_TEST"]) == ("test", "true")


def test_a_disabled_node_starts_nothing() -> None:
    world = World(ROW._replace(enabled="no"))
    answer = world.call()
    assert answer.status == 403
    assert TriggerLine(reason=answer.body["reason"]).disabled
    assert world.run_schedule("2026-01-01T00:00:00Z").status == 403
    assert world.cluster.started == []


def test_health_reports_the_package_without_a_token() -> None:
    answer = World().call(path="/health", method="GET", query={})
    assert (answer.status, answer.body) == (200, {"package": "abc"})


def test_health_of_a_model_reports_whether_it_is_served() -> None:
    world = World()
    served = world.call(path=f"/health/{MODEL}", method="GET", query={})
    assert (served.status, served.body) == (200, {"node": "alpha", "package": "abc"})
    assert world.call(path=f"/health/{OTHER}", method="GET", query={}).status == 404
    world.store.rows.append(ROW._replace(model_id=OTHER, node="beta"))
    world.clock += TABLE_SECONDS
    assert world.call(path=f"/health/{OTHER}", method="GET", query={}).body["node"] == "beta"


def test_each_request_is_one_json_line_without_token_or_keys() -> None:
    world = World()
    world.call()
    world.call(path=f"/pred/{MODEL}/{TOKEN}", query={})
    world.call(query={"token": "guessed-token"})
    world.call(path="/guessed-token", query={"token": TOKEN})
    assert len(world.lines) == 4
    assert not [line for line in world.lines if TOKEN in line or "guessed-token" in line]
    first = json.loads(world.lines[0])
    assert first == {
        "node": "alpha",
        "method": "POST",
        "run": TRIGGER,
        "test": False,
        "route": "pred",
        "http": 202,
        "status": "started",
        "job": "job-1",
        "attempt": 1,
        "ms": 0,
    }


def test_every_kind_of_line_is_read_as_it_was_written() -> None:
    world = World()
    world.call(path="/health", method="GET")
    world.call(path="/elsewhere")
    world.call(query={})
    world.call(round_start(roundNumber="test"))
    world.call()
    world.run_schedule("2026-01-01T00:00:00Z")
    world.call(b"", path=f"/schedule/{MODEL}", headers={"x-cloudscheduler-scheduletime": "2026-01-01T00:05:00Z"})
    world.cluster.refuses = True
    world.call(round_start(triggerId="another-id"))
    world.store.objects["alpha/a-third-id/1.claim"] = b'{"at": 1000.0}'
    world.call(round_start(triggerId="a-third-id"))
    world.store.broken = lambda key: True
    world.call(round_start(triggerId="a-fourth-id"))
    world.store.broken = lambda key: False
    world.store.rows = [ROW._replace(enabled="no")]
    world.clock += TABLE_SECONDS
    world.run_schedule("2026-01-01T00:10:00Z")
    read = [parse(line) or TriggerLine() for line in world.lines]
    assert [(line.method, line.route, line.http, line.status, line.run != "", line.test) for line in read] == [
        ("GET", "health", 200, "", False, False),
        ("POST", "other", 404, "refused", False, False),
        ("POST", "pred", 401, "refused", False, False),
        ("POST", "pred", 202, "started", True, True),
        ("POST", "pred", 200, "already started", True, False),
        ("", "schedule", 202, "started", True, False),
        ("POST", "schedule", 202, "started", True, False),
        ("POST", "pred", 502, "failed", True, False),
        ("POST", "pred", 202, "starting", True, False),
        ("POST", "pred", 503, "failed", True, False),
        ("", "schedule", 403, "refused", True, False),
    ]
    assert {field for line in world.lines for field in json.loads(line)} == set(asdict(TriggerLine()))
