"""A node and its rescue on one simulated clock: rounds are submitted, and both never start at the same moment."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from urllib.parse import urlsplit

import azure.functions as func
import flask
import pytest

from tests.trigger.region import MODEL, TOKEN
from tests.trigger.watched import CLOSES, OPENS, WATCHED, World
from trigger import http_call, watch
from trigger.calls import Request, Response
from trigger.claims import LEASE_SECONDS
from trigger.http_call import Answer
from trigger.job_runs import FAILED, RUNNING, STOPPED, SUCCEEDED, JobRun
from trigger.numerai_api import Keys, KeysRefused, Round
from trigger.partner import CLEAR, SUBMITTED, Desk, Partners, Report, hangs, sign
from trigger.table import Row, StoreError

PRIMARY, RESCUE = "https://primary.example/", "https://rescue.example"
NODE = WATCHED._replace(partner=RESCUE)
OTHER = WATCHED._replace(node="alpha-rescue", watch="1800-2", primary="alpha", partner=PRIMARY)
KEYS = Keys("id", "secret")
ASKED = "/partner/" + MODEL + "/371"


class Pair:
    """A node's region and its rescue's, which ask each other. A region that is `down` neither answers nor looks."""

    def __init__(self) -> None:
        self.primary, self.rescue = World(NODE, self.send), World(OTHER, self.send)
        self.rescue.numerai = self.rescue.watch._numerai = self.primary.numerai
        self.down: set[str] = set()
        self.questions: list[str] = []
        self.looks: list[dict[str, str]] = []

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        host = urlsplit(url).netloc.split(".")[0]
        self.questions.append(host)
        if host in self.down:
            raise OSError("timed out")
        world = self.primary if host == "primary" else self.rescue
        request = Request(method, urlsplit(url).path, {}, {name.lower(): headers[name] for name in headers}, body)
        response = world.watch.answer(request)
        return Answer(response.status, response.json().encode())

    def look(self, minutes: float) -> tuple[str, str]:
        """Let both regions make a pass, the rescue's first; return their outcomes, `down` for a region that is."""
        self.primary.clock = self.rescue.clock = OPENS + minutes * 60
        outcomes = {}
        for name, world in (("rescue", self.rescue), ("primary", self.primary)):
            (outcomes[name],) = ["down"] if name in self.down else world.watch.run_pass()
        return outcomes["primary"], outcomes["rescue"]

    def pass_until(self, minutes: int, since: int = 5) -> list[tuple[str, str]]:
        return [self.look(minute) for minute in range(since, minutes + 1, 5)]

    def count_runs(self) -> tuple[int, int]:
        return len(self.primary.cluster.runs), len(self.rescue.cluster.runs)

    def end(self, world: World, state: str, submits: bool = False) -> None:
        world.cluster.end(state)
        if submits:
            self.primary.numerai.submitted = world.clock


def test_a_round_is_rescued_while_the_primary_s_cloud_is_down() -> None:
    pair = Pair()
    pair.down = {"primary"}
    assert {rescue for _, rescue in pair.pass_until(25)} == {"waiting"}
    assert pair.primary.numerai.asked == 0, "before its time, a rescue asks nobody"
    assert pair.look(30) == ("down", "started")
    assert pair.rescue.cluster.environments[0]["NODE_NAME"] == "alpha"
    assert pair.look(35) == ("down", "running")
    pair.end(pair.rescue, SUCCEEDED, submits=True)
    assert pair.look(40) == ("down", "rescued")
    record = json.loads(pair.rescue.store.objects["alpha-rescue/round-371/submitted"])
    assert (record["rescued"], record["late"]) == (True, False)
    assert {line["status"] for line in pair.rescue.lines if line["route"] == "watch" and line["http"]} == {
        "started",
        "rescued",
    }
    pair.down = set()
    assert pair.look(45) == ("submitted", "done"), "the primary's region is back and learns it from Numerai"
    assert pair.count_runs() == (0, 1)
    assert "rescued" not in json.loads(pair.primary.store.objects["alpha/round-371/submitted"])


def test_a_primary_that_submits_needs_no_rescue() -> None:
    pair = Pair()
    assert pair.primary.call().status == 202
    assert pair.look(10) == ("running", "waiting")
    pair.end(pair.primary, SUCCEEDED, submits=True)
    assert pair.look(15) == ("submitted", "waiting")
    assert pair.look(30) == ("done", "submitted")
    assert pair.look(35) == ("done", "done")
    assert pair.count_runs() == (1, 0)
    assert pair.questions == []
    assert "rescued" not in json.loads(pair.rescue.store.objects["alpha-rescue/round-371/submitted"])


def test_a_rescue_waits_while_the_primary_runs() -> None:
    pair = Pair()
    pair.primary.call()
    pair.primary.cluster.runs.insert(0, JobRun("old", "old", SUCCEEDED, OPENS - 9000, OPENS - 6600))
    assert pair.pass_until(45, since=30) == [("running", "waiting")] * 4
    pair.end(pair.primary, SUCCEEDED)
    assert pair.look(46) == ("waiting", "waiting"), "a submission may appear after the run"
    pair.primary.numerai.submitted = pair.primary.clock
    assert pair.look(48) == ("submitted", "submitted")
    assert pair.count_runs() == (2, 0), "the old one, and the primary's"


@pytest.mark.parametrize(("usual", "starts"), [(300, 40), (1500, 30), (None, 30)])
def test_a_primary_that_hangs_does_not_cost_the_round(usual: int | None, starts: int) -> None:
    pair = Pair()
    if usual:
        pair.primary.cluster.runs = [JobRun("old", "old", SUCCEEDED, OPENS - 9000, OPENS - 9000 + usual)]
    pair.primary.call()
    outcomes = {minute: pair.look(minute)[1] for minute in range(5, starts + 1, 5)}
    assert outcomes.pop(starts) == "started", "two runs of the usual length, or one, still fit"
    assert set(outcomes.values()) == {"waiting"}
    pair.end(pair.rescue, SUCCEEDED, submits=True)
    assert pair.look(starts + 2) == ("running", "rescued")


def test_a_run_that_the_primary_has_just_started_again_does_not_hang() -> None:
    pair = Pair()
    pair.primary.call()
    pair.look(5)
    pair.primary.cluster.end(FAILED, own_fault=False)
    assert pair.look(26) == ("started", "waiting")
    assert pair.look(40) == ("running", "waiting"), "a second run at the same time"
    assert pair.count_runs() == (2, 0)


@pytest.mark.parametrize(("age", "late"), [(900, False), (1000, False), (1040, True)])
def test_a_run_that_is_a_little_longer_than_usual_does_not_hang(age: float, late: bool) -> None:
    assert hangs(Report(RUNNING, OPENS), OPENS + age, CLOSES - 2000, 900) is late


@pytest.mark.parametrize(("left", "hurry"), [(3000, False), (2400, True)])
def test_a_run_that_takes_half_as_long_again_hangs_unless_there_is_time_for_two_more(left: float, hurry: bool) -> None:
    assert hangs(Report(RUNNING, OPENS), OPENS + 1400, OPENS + 1400 + left, 900) is hurry


def test_a_primary_that_has_failed_for_good_is_rescued() -> None:
    pair = Pair()
    pair.primary.call()
    for minute in range(5, 30, 5):
        if pair.primary.cluster.runs[-1].state == RUNNING:
            pair.primary.cluster.end(FAILED, own_fault=False)
        pair.look(minute)
    assert pair.look(30) == ("failed", "started")
    pair.end(pair.rescue, SUCCEEDED, submits=True)
    assert pair.look(35) == ("submitted", "rescued")
    assert pair.count_runs() == (3, 1)


def test_a_webhook_that_comes_after_the_rescue_starts_nothing() -> None:
    pair = Pair()
    pair.primary.cluster.refuses = True
    pair.pass_until(25)
    pair.primary.cluster.refuses = False
    pair.primary.watch._numerai = _Silent()
    assert pair.look(30) == ("unknown", "started")
    answer = pair.primary.call()
    assert (answer.status, answer.body["status"]) == (200, "already started")
    assert "the node's partner has started the round's job (partner-371-1)" in answer.body["reason"]
    assert pair.count_runs() == (0, 1)


class _Silent:
    def find_round(self, tournament: str) -> Round | None:
        return Round(371, OPENS, CLOSES) if tournament == "classic" else None

    def find_submission(self, *_: object) -> None:
        raise StoreError("Numerai did not answer")


def test_a_primary_that_is_back_waits_for_the_rescue_s_run_and_takes_over_if_it_fails() -> None:
    pair = Pair()
    pair.down = {"primary"}
    pair.pass_until(30)
    pair.down = set()
    assert pair.look(35) == ("waiting", "running")
    pair.rescue.cluster.end(FAILED, own_fault=True)
    assert pair.look(40) == ("waiting", "started"), "the rescue's own repeat, which it claims at the primary as well"
    pair.rescue.cluster.end(FAILED, own_fault=True)
    assert pair.look(45) == ("started", "failed")
    assert pair.count_runs() == (1, 2)
    assert pair.look(50) == ("running", "failed")


def test_both_never_start_at_the_same_moment() -> None:
    pair = Pair()
    pair.primary.store.rows = [NODE._replace(watch="1800-2")]
    assert pair.look(30) == ("waiting", "started"), "the rescue's claim is at the primary's store"
    claim = json.loads(pair.primary.store.objects["alpha/round-371/1.claim"])
    assert claim["run"] == "partner-371-1"
    assert pair.count_runs() == (0, 1)


def test_a_run_that_a_person_stopped_is_not_rescued() -> None:
    pair = Pair()
    pair.primary.call()
    pair.primary.cluster.end(STOPPED)
    assert pair.look(30) == ("stopped", "stopped")
    assert pair.look(55) == ("stopped", "stopped")
    assert pair.count_runs() == (1, 0)


def test_without_numerai_s_word_the_primary_s_counts() -> None:
    pair = Pair()
    pair.primary.numerai.error = KeysRefused("the key lacks a scope")
    pair.primary.call()
    pair.look(25)
    pair.primary.clock = OPENS + 28 * 60
    pair.end(pair.primary, SUCCEEDED)
    assert pair.look(30) == ("submitted", "waiting"), "the primary's pass has not judged its run yet"
    assert pair.look(35) == ("done", "submitted")
    assert pair.count_runs() == (1, 0)


def test_a_lost_answer_is_given_again() -> None:
    pair = Pair()
    first, again = ask(pair), ask(pair)
    assert (first, again) == (Report(CLEAR), Report(CLEAR))
    assert [key for key in pair.primary.store.objects if key.endswith(".claim")] == ["alpha/round-371/1.claim"]
    assert ask(pair, "2") == Report(RUNNING), "the first start may be under way"
    pair.primary.clock += LEASE_SECONDS
    assert ask(pair, "2") == Report(CLEAR)


def ask(pair: Pair, claim: str = "1") -> Report | None:
    return Partners(pair.primary.clock, pair.send).ask(OTHER, 371, claim, KEYS)


def test_a_submission_that_is_known_is_told() -> None:
    pair = Pair()
    pair.primary.numerai.submitted = OPENS + 60
    pair.look(15)
    assert ask(pair) == Report(SUBMITTED, OPENS + 60)


def test_a_partner_that_does_not_answer_is_asked_once_in_a_pass() -> None:
    pair = Pair()
    pair.down = {"primary"}
    partners = Partners(OPENS, pair.send)
    assert [partners.ask(OTHER, 371, "1", KEYS) for _ in range(3)] == [None] * 3
    assert pair.questions == ["primary"]


@pytest.mark.parametrize("body", [b"", b"[]", b'{"state": "fine"}', b'{"state": "clear", "more": 1}', b"<html>"])
def test_an_answer_that_makes_no_sense_is_none(body: bytes) -> None:
    assert Partners(OPENS, lambda *_: Answer(200, body)).ask(OTHER, 371, "1", KEYS) is None
    assert Partners(OPENS, lambda *_: Answer(404, b"{}")).ask(OTHER, 371, "1", KEYS) is None


def question(**changes: object) -> Request:
    headers = {"x-partner-proof": sign(KEYS, MODEL, "371", "1", int(OPENS // 60))}
    request = Request("POST", ASKED, {}, headers, b'{"claim": "1"}')
    return request._replace(**changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (question(), 200),
        (question(path=ASKED.upper().replace("PARTNER", "partner")), 200),
        (question(method="GET"), 404),
        (question(path="/partner/"), 404),
        (question(path="/partner/" + MODEL + "/round"), 404),
        (question(path="/partner/" + MODEL + "/372"), 401),
        (question(path="/partner/99361e43-0000-4000-8000-73c29c720001/371"), 404),
        (question(headers={}), 401),
        (question(headers={"x-partner-proof": "\udcff"}), 401),
        (question(headers={"x-partner-proof": sign(Keys("id", "other"), MODEL, "371", "1", int(OPENS // 60))}), 401),
        (question(headers={"x-partner-proof": sign(KEYS, MODEL, "371", "1", int(OPENS // 60) - 3)}), 401),
        (question(headers={"x-partner-proof": sign(KEYS, MODEL, "371", "1", int(OPENS // 60) - 2)}), 200),
        (question(headers={"x-trigger-token": TOKEN}), 401),
        (question(body=b'{"claim": "2"}'), 401),
        (question(body=b""), 400),
        (question(body=b"[" * 100_000), 400),
        (question(body=b'{"claim": 1}'), 400),
        (question(body=b'{"claim": "../1"}'), 400),
    ],
)
def test_only_a_partner_with_the_account_s_keys_is_answered(request_: Request, status: int) -> None:
    world = World(NODE)
    response = world.watch.answer(request_)
    assert response.status == status, response
    assert bool(world.store.objects) == (status == 200)
    assert not [line for line in world.lines if "secret" in json.dumps(line)]


def test_a_node_without_a_partner_answers_no_questions() -> None:
    assert World().watch.answer(question()).status == 404


def test_wrong_questions_read_the_secret_store_once_a_minute() -> None:
    world = World(NODE)
    reads: list[str] = []

    def read_keys(reference: str) -> Keys:
        reads.append(reference)
        return KEYS

    desk = Desk(world.trigger, world.cluster, read_keys, lambda: world.clock)
    statuses = {desk.answer(question(headers={})).status for _ in range(100)}
    assert (statuses, len(reads)) == ({401}, 1)
    world.clock += 60
    assert (desk.answer(question()).status, len(reads)) == (200, 2)


def test_a_store_that_does_not_answer_is_reported_as_such() -> None:
    world = World(NODE)
    world.store.list = _fail  # type: ignore[method-assign]
    response: Response = world.watch.answer(question())
    assert (response.status, response.body["reason"]) == (503, "the store did not answer")


def _fail(prefix: str) -> list[str]:
    raise StoreError("the store did not answer")


def test_rows_without_a_partner_are_those_of_the_version_before() -> None:
    assert WATCHED.write_key().count("/") == 10
    assert Row.read_key(WATCHED.write_key()) == WATCHED
    assert Row.read_key(OTHER.write_key()) == OTHER
    assert OTHER.title == "alpha"


class _Answering:
    """A watch that answers questions with what it was asked."""

    def answer(self, request: Request) -> Response:
        return Response(418, {"asked": request.path, "by": request.method, "body": request.body.decode()})


@pytest.mark.parametrize("cloud", ["aws", "gcp", "azure"])
def test_each_cloud_s_entry_point_lets_the_watch_answer(cloud: str, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = importlib.import_module(f"trigger.{cloud}")
    monkeypatch.setattr(entry, "_open_watch", _Answering)
    if cloud == "aws":
        http = {"requestContext": {"http": {"method": "POST"}}, "rawPath": ASKED, "body": "{}"}
        answer = entry.handler(http)
        status, body = answer["statusCode"], answer["body"]
    elif cloud == "gcp":
        with flask.Flask("gcp").test_request_context(ASKED, method="POST", data=b"{}"):
            body, status, _ = entry.webhook(flask.request)
    else:
        request = func.HttpRequest(method="POST", url=f"https://app.example{ASKED}", body=b"{}")
        response = entry.webhook.build().get_user_function()(request)
        status, body = response.status_code, response.get_body()
    assert (status, json.loads(body)) == (418, {"asked": ASKED, "by": "POST", "body": "{}"})


def test_the_deployed_watch_gives_a_partner_ten_seconds_to_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    waited = []

    def call(method: str, url: str, headers: Mapping[str, str], body: bytes, timeout: float) -> Answer:
        assert url.startswith(RESCUE)
        waited.append(timeout)
        return Answer(404, b"")

    world = World(NODE)
    monkeypatch.setattr(http_call, "call", call)
    monkeypatch.setattr(watch, "Numerai", lambda: world.numerai)
    monkeypatch.setattr(watch, "time", world)
    monkeypatch.setattr(world, "time", lambda: world.clock, raising=False)
    world.watch = watch.build_watch(world.trigger, world.cluster, world.read_keys)
    assert world.look(20) == {"started": 1}
    assert waited == [10.0]
