"""The webhook's answers. Above all, a trigger id never gets two jobs, and a failed start can be repeated."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pytest

from tests.trigger.region import MODEL, ROW, TOKEN, MemoryStore
from trigger.core import (
    LEASE_SECONDS,
    PAUSES,
    TABLE_SECONDS,
    Request,
    Response,
    Row,
    StartError,
    Trigger,
)
from trigger.log_line import TriggerLine, parse

TRIGGER = "99361e43-0000-4000-8000-73c29c720001"
OTHER = "5f0c8a31-0000-4f5b-9a35-0d1f6f1b7c01"


class Cluster:
    """Records the started jobs. `errors` are raised by the next starts, the second part says whether the job starts."""

    def __init__(self) -> None:
        self.started: list[dict[str, str]] = []
        self.names: list[str] = []
        self.refuses = self.blind = False
        self.errors: list[tuple[StartError, bool]] = []
        self.hidden, self.looked_up = 0, 0
        """The number of look-ups that do not find a job yet, and of those that were made."""

    def start(self, row: Row, run_name: str, env: Mapping[str, str]) -> str:
        if self.refuses:
            raise StartError("the cluster is not there")
        error, starts = self.errors.pop(0) if self.errors else (None, True)
        if starts:
            self.names.append(run_name)
            self.started.append(dict(env))
        if error:
            raise error
        return f"job-{len(self.started)}"

    def find(self, row: Row, run_id: str) -> str | None:
        self.looked_up += 1
        if self.blind:
            raise StartError("the jobs could not be listed")
        if self.hidden:
            self.hidden -= 1
            return None
        jobs = [number for number, env in enumerate(self.started, 1) if env["RUN_ID"] == run_id]
        return f"job-{jobs[0]}" if jobs else None


class World:
    """A trigger with its store, its cluster and a clock."""

    def __init__(self, row: Row = ROW) -> None:
        self.store, self.cluster, self.clock = MemoryStore(), Cluster(), 1000.0
        self.store.rows = [row]
        self.lines: list[str] = []
        self.pauses: list[float] = []
        self.trigger = Trigger(self.store, self.cluster, "abc", self.log, lambda: self.clock, self.pauses.append)

    def call(self, body: object = None, path: str = f"/pred/{MODEL}", **changes: Any) -> Response:
        request = Request(
            method=changes.get("method", "POST"),
            path=path,
            query=changes.get("query", {"token": TOKEN}),
            headers=changes.get("headers", {}),
            body=body if isinstance(body, bytes) else json.dumps(body or round_start()).encode(),
        )
        return self.trigger.answer(request)

    def run_schedule(self, when: str) -> Response:
        return self.trigger.run_schedule(MODEL, when)

    def log(self, line: str) -> None:
        """Record a line, and check that parsing it returns the same fields."""
        assert asdict(parse(line) or TriggerLine()) == asdict(TriggerLine()) | json.loads(line)
        self.lines.append(line)


def round_start(**changes: Any) -> dict[str, Any]:
    return {"roundNumber": 371, "dataVersion": 1, "triggerId": TRIGGER, **changes}


def test_a_round_starts_one_job_with_what_it_needs() -> None:
    world = World()
    answer = world.call()
    assert (answer.status, answer.body) == (202, {"status": "started", "run": TRIGGER, "job": "job-1", "attempt": 1})
    assert world.cluster.started == [
        {
            "TRIGGER_ID": TRIGGER,
            "RUN_ID": TRIGGER,
            "MODEL_ID": MODEL,
            "NODE_NAME": "alpha",
            "ROUND_NUMBER": "371",
            "IS_TEST": "false",
            "DATA_VERSION": "1",
        }
    ]


def test_a_test_run_says_so_to_the_job() -> None:
    world = World()
    assert world.call(round_start(roundNumber="test", isTest=True)).status == 202
    assert (world.cluster.started[0]["ROUND_NUMBER"], world.cluster.started[0]["IS_TEST"]) == ("test", "true")


def test_a_repeat_answers_success_and_starts_nothing() -> None:
    world = World()
    world.call()
    again = world.call()
    assert (again.status, again.body["job"], len(world.cluster.started)) == (200, "job-1", 1)


def test_another_trigger_id_starts_another_job() -> None:
    world = World()
    world.call()
    assert world.call(round_start(triggerId=TRIGGER.replace("9", "8"))).body["job"] == "job-2"


def test_a_failed_start_answers_5xx_and_the_same_id_can_be_claimed_again() -> None:
    world = World()
    world.cluster.refuses = True
    failed = world.call()
    assert (failed.status, failed.body["reason"]) == (502, "the cluster is not there")
    world.cluster.refuses = False
    healed = world.call()
    assert (healed.status, healed.body["attempt"], len(world.cluster.started)) == (202, 2, 1)
    assert world.call().status == 200


def test_a_claim_whose_start_never_happened_is_taken_over_when_its_lease_has_run_out() -> None:
    world = World()
    world.store.create(f"alpha/{TRIGGER}/1.claim", json.dumps({"at": world.clock}).encode())
    waiting = world.call()
    assert (waiting.status, waiting.body["status"], world.cluster.started) == (202, "starting", [])
    world.clock += LEASE_SECONDS
    taken = world.call()
    assert (taken.status, taken.body["attempt"], len(world.cluster.started)) == (202, 2, 1)


def test_many_at_once_start_one_job() -> None:
    world = World()
    gate = threading.Barrier(16)
    answers: list[int] = []

    def one() -> None:
        gate.wait()
        answers.append(world.call().status)

    threads = [threading.Thread(target=one) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(world.cluster.started) == 1
    assert set(answers) <= {200, 202}


def test_many_at_once_take_over_an_expired_claim_only_once() -> None:
    world = World()
    world.store.create(f"alpha/{TRIGGER}/1.claim", json.dumps({"at": world.clock - 1000}).encode())
    threads = [threading.Thread(target=world.call) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(world.cluster.started) == 1


def test_a_start_that_cannot_be_recorded_is_still_a_start() -> None:
    world = World()
    world.store.broken = lambda key: key.endswith(".started")
    assert world.call().status == 202
    assert world.call().body["status"] == "starting"
    assert len(world.cluster.started) == 1


def test_a_claim_store_that_does_not_answer_gives_503_and_starts_nothing() -> None:
    world = World()
    world.store.broken = lambda key: True
    assert world.call().status == 503
    assert world.cluster.started == []


def test_it_gives_up_after_twenty_attempts() -> None:
    world = World()
    world.cluster.refuses = True
    answers = [world.call() for _ in range(21)]
    assert [answer.status for answer in answers] == [502] * 20 + [503]
    assert answers[-1].body["reason"] == "gave up after 20 attempts to start"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"not json", "the body is not JSON"),
        (b"[1]", "the body is not a JSON object"),
        (b"[" * 5000, "the body is not JSON"),
        (b"", "the body is not JSON"),
        (round_start(triggerId=None), "triggerId: expected a UUID as text"),
        (round_start(triggerId="round-371"), "triggerId: expected a UUID as text"),
        (round_start(triggerId="watch-371-1"), "triggerId: expected a UUID as text"),
        (round_start(triggerId="schedule-1"), "triggerId: expected a UUID as text"),
        (round_start(triggerId=7), "triggerId: expected a UUID as text"),
        (round_start(triggerId="../../other"), "triggerId: expected a UUID as text"),
        (round_start(triggerId="a" * 65), "triggerId: expected a UUID as text"),
        (round_start(roundNumber="371"), 'roundNumber: expected a whole number or "test"'),
        (round_start(roundNumber=True), 'roundNumber: expected a whole number or "test"'),
        (round_start(roundNumber=-1), 'roundNumber: expected a whole number or "test"'),
        (round_start(roundNumber=3.5), 'roundNumber: expected a whole number or "test"'),
        (round_start(roundNumber=10**9), 'roundNumber: expected a whole number or "test"'),
        (round_start(roundNumber=10**4000), 'roundNumber: expected a whole number or "test"'),
        (round_start(dataVersion="1"), "dataVersion: expected a whole number"),
        (round_start(dataVersion=10**9), "dataVersion: expected a whole number"),
        (round_start(isTest="yes"), "isTest: expected true or false"),
    ],
)
def test_a_bad_body_is_refused_with_its_reason(body: object, reason: str) -> None:
    world = World()
    answer = world.call(body)
    assert (answer.status, answer.body["reason"], world.cluster.started) == (400, reason, [])
    assert world.store.objects == {}


def test_unknown_fields_are_harmless() -> None:
    assert World().call(round_start(newField={"a": 1})).status == 202


def without(field: str, **changes: Any) -> dict[str, Any]:
    return {key: value for key, value in round_start(**changes).items() if key != field}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        # same result as in the Cloud Run recipe
        (round_start(), 202),
        (round_start(roundNumber="test"), 202),
        (round_start(roundNumber="test", isTest=True), 202),
        (round_start(isTest=False), 202),
        (round_start(isTest=None), 202),
        (round_start(roundNumber=0), 202),
        (without("triggerId"), 400),
        (without("roundNumber"), 400),
        (round_start(roundNumber=None), 400),
        (round_start(roundNumber=[371]), 400),
        (round_start(dataVersion="new"), 400),
        (round_start(dataVersion=1.5), 400),
        (round_start(triggerId={}), 400),
        (round_start(isTest=[]), 400),
        # accepted only by the recipe: the only string is "test" here, and types are not converted
        (round_start(roundNumber="371"), 400),
        (round_start(roundNumber="soon"), 400),
        (round_start(dataVersion="1"), 400),
        (round_start(isTest="true"), 400),
        (round_start(triggerId=""), 400),
        # accepted only here, because a round should not be missed for this
        (without("dataVersion"), 202),
        (round_start(dataVersion=None), 202),
    ],
)
def test_requests_are_checked_as_the_cloud_run_recipe_checks_them(body: dict[str, Any], status: int) -> None:
    world = World()
    assert world.call(body).status == status
    assert len(world.cluster.started) == (status == 202)
    if status == 202:
        assert world.cluster.started[0].get("DATA_VERSION") == (
            str(body["dataVersion"]) if body.get("dataVersion") else None
        )


def test_a_body_of_a_megabyte_is_refused() -> None:
    assert World().call(b" " * 2**20).status == 413


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"query": {}}, 401),
        ({"query": {"token": "wrong"}}, 401),
        ({"query": {"token": ""}}, 401),
        ({"query": {"token": "ü"}}, 401),
        ({"path": f"/pred/{MODEL}/wrong", "query": {"token": TOKEN}}, 401),
        ({"path": "/pred/5f0c8a31-0000-4f5b-9a35-0d1f6f1b7c01"}, 404),
        ({"path": "/"}, 404),
        ({"path": "/pred"}, 404),
        ({"path": f"/pred/{MODEL}/{TOKEN}/more"}, 404),
        ({"path": "/other"}, 404),
        ({"method": "GET"}, 405),
        ({"method": "PUT"}, 405),
    ],
)
def test_requests_that_are_not_numerais_start_nothing(changes: dict[str, Any], status: int) -> None:
    world = World()
    assert (world.call(**changes).status, world.cluster.started) == (status, [])


@pytest.mark.parametrize(
    "changes",
    [
        {"path": f"/pred/{MODEL}/{TOKEN}", "query": {}},
        {"query": {}, "headers": {"x-trigger-token": TOKEN}},
        {"path": f"/pred/{MODEL.upper()}"},
        {"path": f"/pred/{MODEL}/"},
    ],
)
def test_the_token_may_come_as_query_path_or_header(changes: dict[str, Any]) -> None:
    assert World().call(**changes).status == 202


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


def test_a_scheduled_run_has_an_id_of_its_tick_and_no_trigger_id() -> None:
    world = World()
    ticks = ["2026-01-02T13:05:00Z", "2026-01-02T13:05:00Z", "2026-01-03T13:05:00Z"]
    answers = [world.run_schedule(tick) for tick in ticks]
    assert [answer.status for answer in answers] == [202, 200, 202]
    assert len(world.cluster.started) == 2
    for env in world.cluster.started:
        assert "TRIGGER_ID" not in env
        assert env["RUN_ID"].startswith("schedule-")


def test_a_schedule_over_http_takes_its_tick_from_the_schedulers_header() -> None:
    world = World()
    headers = {"x-cloudscheduler-scheduletime": "2026-01-02T13:05:00Z"}
    answers = [world.call(b"", path=f"/schedule/{MODEL}", headers=headers) for _ in range(2)]
    assert [answer.status for answer in answers] == [202, 200]
    assert world.call(b"", path=f"/schedule/{MODEL}", query={}).status == 401


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


@pytest.mark.parametrize("lag", [0, 1, len(PAUSES)])
def test_a_start_whose_answer_was_lost_is_looked_up(lag: int) -> None:
    world = World()
    world.cluster.errors, world.cluster.hidden = [(StartError("no answer", unclear=True), True)], lag
    answer = world.call()
    assert (answer.status, answer.body["job"], len(world.cluster.started)) == (202, "job-1", 1)
    assert world.pauses == list(PAUSES[:lag])
    assert world.call().status == 200


def test_a_start_that_is_found_too_late_is_not_repeated() -> None:
    world = World()
    world.cluster.errors, world.cluster.hidden = [(StartError("no answer", unclear=True), True)], 3
    assert world.call().status == 502
    repeated = world.call()
    assert (repeated.status, repeated.body["job"], repeated.body["attempt"]) == (202, "job-1", 1)
    assert len(world.cluster.started) == 1


def test_a_start_whose_answer_was_lost_is_not_repeated_while_the_list_may_lag() -> None:
    world = World()
    world.cluster.errors, world.cluster.hidden = [(StartError("no answer", unclear=True), True)], 5
    assert [world.call().status for _ in range(3)] == [502, 503, 503]
    assert (world.call().body["status"], len(world.cluster.started)) == ("started", 1)
    assert world.call().body["status"] == "already started"


def test_nothing_is_started_again_while_the_jobs_cannot_be_looked_up() -> None:
    world = World()
    world.cluster.errors, world.cluster.blind = [(StartError("no answer", unclear=True), False)], True
    assert [world.call().status for _ in range(2)] == [502, 502]
    assert world.cluster.started == []
    world.cluster.blind = False
    assert (world.call().status, len(world.cluster.started)) == (503, 0), "the list may lag behind"
    world.clock += LEASE_SECONDS
    assert (world.call().status, len(world.cluster.started)) == (202, 1)


@pytest.mark.parametrize("unclear", [False, True])
def test_a_busy_cluster_is_asked_again(unclear: bool) -> None:
    world = World()
    world.cluster.errors = [(StartError("too many requests", unclear=unclear, busy=True), False)]
    answer = world.call()
    assert (answer.status, answer.body["attempt"], len(world.cluster.started)) == (202, 1, 1)


def test_a_cluster_that_stays_busy_gives_a_failure_that_can_be_repeated() -> None:
    world = World()
    world.cluster.errors = [(StartError("too many requests", busy=True), False)] * 3
    failed = world.call()
    assert (failed.status, failed.body["reason"], world.pauses) == (502, "too many requests", list(PAUSES))
    assert (world.call().status, len(world.cluster.started)) == (202, 1)
