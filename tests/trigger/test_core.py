"""The webhook's answers. Above all, a trigger id never gets two jobs, and a failed start can be repeated."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import pytest

from trigger.core import ClaimError, Request, Response, Settings, StartError, handle, scheduled
from trigger.log_line import TriggerLine, parse

MODEL = "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01"
TOKEN = "a-token-that-nobody-guesses"
TRIGGER = "99361e43-0000-4000-8000-73c29c720001"
SETTINGS = Settings("alpha", MODEL, hashlib.sha256(TOKEN.encode()).hexdigest(), package="abc")


class MemoryClaims:
    """Claims in memory, which can be created once, listed and read."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.broken: Callable[[str], bool] = lambda key: False
        self._lock = threading.Lock()

    def create(self, key: str, body: bytes) -> bool:
        if self.broken(key):
            raise ClaimError("the claim store did not answer")
        with self._lock:
            return self.objects.setdefault(key, body) is body

    def list(self, prefix: str) -> list[str]:
        return [key for key in self.objects if key.startswith(prefix)]

    def read(self, key: str) -> bytes:
        return self.objects[key]


class Cluster:
    """Records the started jobs."""

    def __init__(self) -> None:
        self.started: list[dict[str, str]] = []
        self.names: list[str] = []
        self.refuses = False

    def start(self, run_name: str, env: dict[str, str]) -> str:
        if self.refuses:
            raise StartError("the cluster is not there")
        self.names.append(run_name)
        self.started.append(env)
        return f"job-{len(self.started)}"


class World:
    """A trigger with its claims, its cluster and a clock."""

    def __init__(self, settings: Settings = SETTINGS) -> None:
        self.claims, self.cluster, self.clock, self.settings = MemoryClaims(), Cluster(), 1000.0, settings
        self.lines: list[str] = []

    def call(self, body: object = None, path: str = f"/pred/{MODEL}", **changes: Any) -> Response:
        request = Request(
            method=changes.get("method", "POST"),
            path=path,
            query=changes.get("query", {"token": TOKEN}),
            headers=changes.get("headers", {}),
            body=body if isinstance(body, bytes) else json.dumps(body or round_start()).encode(),
        )
        return handle(request, self.settings, self.claims, self.cluster, lambda: self.clock, self.log)

    def tick(self, when: str) -> Response:
        return scheduled(when, self.settings, self.claims, self.cluster, lambda: self.clock, self.log)

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
    world.claims.create(f"{TRIGGER}/1.claim", json.dumps({"at": world.clock}).encode())
    waiting = world.call()
    assert (waiting.status, waiting.body["status"], world.cluster.started) == (202, "starting", [])
    world.clock += SETTINGS.lease_seconds
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
    world.claims.create(f"{TRIGGER}/1.claim", json.dumps({"at": world.clock - 1000}).encode())
    threads = [threading.Thread(target=world.call) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(world.cluster.started) == 1


def test_a_start_that_cannot_be_recorded_is_still_a_start() -> None:
    world = World()
    world.claims.broken = lambda key: key.endswith(".started")
    assert world.call().status == 202
    assert world.call().body["status"] == "starting"
    assert len(world.cluster.started) == 1


def test_a_claim_store_that_does_not_answer_gives_503_and_starts_nothing() -> None:
    world = World()
    world.claims.broken = lambda key: True
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
        (round_start(triggerId=7), "triggerId: expected a UUID as text"),
        (round_start(triggerId="../../other"), "triggerId: expected a UUID as text"),
        (round_start(triggerId="a" * 65), "triggerId: expected a UUID as text"),
        (round_start(roundNumber="371"), 'roundNumber: expected a whole number or "test"'),
        (round_start(roundNumber=True), 'roundNumber: expected a whole number or "test"'),
        (round_start(roundNumber=-1), 'roundNumber: expected a whole number or "test"'),
        (round_start(roundNumber=3.5), 'roundNumber: expected a whole number or "test"'),
        (round_start(dataVersion="1"), "dataVersion: expected a whole number"),
        (round_start(isTest="yes"), "isTest: expected true or false"),
    ],
)
def test_a_bad_body_is_refused_with_its_reason(body: object, reason: str) -> None:
    world = World()
    answer = world.call(body)
    assert (answer.status, answer.body["reason"], world.cluster.started) == (400, reason, [])
    assert world.claims.objects == {}


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
    world = World(Settings("alpha", MODEL, SETTINGS.token_sha256, enabled=False))
    assert world.call().status == 403
    assert world.tick("2026-01-01T00:00:00Z").status == 403
    assert world.cluster.started == []


def test_health_tells_node_and_package_without_a_token() -> None:
    world = World()
    answer = world.call(path="/health", method="GET", query={})
    assert (answer.status, answer.body) == (200, {"node": "alpha", "package": "abc"})


def test_a_scheduled_run_has_an_id_of_its_tick_and_no_trigger_id() -> None:
    world = World()
    ticks = ["2026-01-02T13:05:00Z", "2026-01-02T13:05:00Z", "2026-01-03T13:05:00Z"]
    answers = [world.tick(tick) for tick in ticks]
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
    world.tick("2026-01-01T00:00:00Z")
    world.call(b"", path=f"/schedule/{MODEL}", headers={"x-cloudscheduler-scheduletime": "2026-01-01T00:05:00Z"})
    world.cluster.refuses = True
    world.call(round_start(triggerId="another-id"))
    world.claims.objects["a-third-id/1.claim"] = b'{"at": 1000.0}'
    world.call(round_start(triggerId="a-third-id"))
    world.claims.broken = lambda key: True
    world.call(round_start(triggerId="a-fourth-id"))
    world.settings = replace(SETTINGS, enabled=False)
    world.tick("2026-01-01T00:10:00Z")
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


def test_settings_come_from_the_environment() -> None:
    env = {"NODE_NAME": "a1", "MODEL_ID": MODEL.upper(), "TOKEN_SHA256": "AB", "NODE_ENABLED": "0", "PACKAGE": "p"}
    assert Settings.from_env(env) == Settings("a1", MODEL, "ab", False, "p")
    with pytest.raises(KeyError, match="TOKEN_SHA256"):
        Settings.from_env({"NODE_NAME": "a1", "MODEL_ID": MODEL})
