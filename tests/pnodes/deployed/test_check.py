"""`pnodes test` of one node: which steps pass, where the test stops and why, even if a cloud's logs are late."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from pnodes.deployed.check import Check, Result
from providers.numerai.client import KeysRefused, NumeraiRefused, NumeraiSilent
from providers.operations import LogLine, NoCredentials, NodeOperations, OperationsError, Run, State

URL = "https://trigger.example/pred/m?token=secret"
NOW = datetime.now(UTC)
PENDING = Run("job-1", State.PENDING, NOW, trigger_id="t-1")
RUNNING = replace(PENDING, state=State.RUNNING, started=NOW)
DONE = replace(RUNNING, state=State.SUCCEEDED, stopped=NOW)
FAILED = replace(RUNNING, state=State.FAILED, stopped=NOW, reason="exit code 1")


def called(**more: Any) -> str:
    return json.dumps({"node": "a", "method": "POST", "route": "pred", "http": 202, "status": "started", **more})


class Cloud(NodeOperations):
    """Returns one run after another and repeats the last; None means that there is no run yet."""

    def __init__(self, shown: list[Run | None], lines: list[str], printed: list[str]) -> None:
        self.shown, self.lines, self.printed = list(shown), lines, printed

    def _next(self) -> Run | None:
        return self.shown.pop(0) if len(self.shown) > 1 else self.shown[0]

    def runs(self, limit: int = 10) -> list[Run]:
        other = Run("other", State.SUCCEEDED, NOW, trigger_id="t-0")
        run = self._next()
        return [run, other] if run else [other]

    def run(self, run_id: str) -> Run:
        run = self._next()
        assert run is not None
        assert run.id == run_id
        return run

    def log(self, run: Run, since: datetime | None = None, limit: int = 1000) -> list[LogLine]:
        return [LogLine(NOW, text, text) for text in self.printed]

    def trigger_log(self, since: datetime | None = None, limit: int = 1000) -> list[LogLine]:
        return [LogLine(NOW, text, text) for text in self.lines]

    def stop(self, run: Run) -> None:
        raise AssertionError("a test stops nothing")


@dataclass
class World:
    """The answers of the clouds and Numerai, and a clock that only pauses move forward."""

    runs: list[Run | None] = field(default_factory=lambda: list[Run | None]([DONE]))
    lines: list[str] = field(default_factory=list)
    printed: list[str] = field(default_factory=lambda: ["a line"])
    registered: str | None = URL
    sent: str | None = "t-1"
    sick: str = ""
    refusal: Exception | None = None
    unanswered: list[Exception | None] = field(default_factory=list)
    time: float = 0.0

    def webhook(self, model_id: str) -> str | None:
        return self.registered

    def fire(self, model_id: str) -> str:
        if self.refusal:
            raise self.refusal
        return "t-1"

    def submissions(self, model_id: str) -> list[dict[str, Any]]:
        error = self.unanswered.pop(0) if self.unanswered else None
        if error:
            raise error
        return [{"triggerId": self.sent, "insertedAt": "2026-11-23T12:00:00Z", "id": "s"}] if self.sent else []

    def pause(self, seconds: float) -> None:
        self.time += seconds

    def go(self, tell: Callable[[str], None] = lambda _: None) -> Result:
        cloud = Cloud(self.runs, self.lines, self.printed)
        sick = lambda _: self.sick  # noqa: E731
        return Check("a", "m", URL, cloud, self, sick, 600, tell, self.pause, lambda: self.time).perform()


def test_every_step_passes_and_is_told_once() -> None:
    told: list[str] = []
    result = World([None, PENDING, RUNNING, DONE], [called(run="t-1", job="job-1")]).go(told.append)
    assert result.passed
    assert [line.split(":")[0].split(",")[0] for line in told] == [
        "Numerai fired the webhook",
        "webhook reached",
        "job scheduled",
        "container started",
        "submission carries the trigger id",
    ]


def test_a_trigger_s_log_that_is_late_holds_nothing_up() -> None:
    assert World([PENDING, DONE], []).go().passed


@pytest.mark.parametrize(
    ("world", "passed", "says"),
    [
        (World(registered=None), 0, "has no webhook"),
        (
            World(registered="https://other.example/pred/m?token=x"),
            0,
            "another webhook for this model, at other.example",
        ),
        (World(sick="HTTP 503"), 0, "the trigger does not answer: HTTP 503"),
        (World(refusal=NumeraiRefused("Numerai refused: it answered 403.")), 0, "it answered 403"),
        (World([None], [called(http=401, status="refused", reason="the token")], sent=None), 0, "HTTP 401): the token"),
        (World([None], [], sent=None), 0, "nothing more happened within 600 s"),
        (World([None], [called(http=502, status="failed", run="t-1", reason="no")], sent=None), 1, "HTTP 502): no"),
        (World([PENDING], sent=None), 2, "the job is PENDING"),
        (World([replace(FAILED, started=None, reason="CannotPull")], sent=None), 2, "the job failed: CannotPull"),
        (World([RUNNING, FAILED], sent=None), 3, "the job failed: exit code 1"),
        (World([replace(FAILED, state=State.CANCELLED, reason="by hand")], sent=None), 3, "was stopped: by hand"),
        (World([DONE], sent=None), 3, "the model has no submission at all"),
        (World([DONE], sent="t-0"), 3, "has the trigger id t-0"),
    ],
)
def test_it_says_where_it_stopped_and_why(world: World, passed: int, says: str) -> None:
    result = world.go()
    assert (len(result.steps), result.passed) == (passed, False)
    assert says in result.stopped
    assert "secret" not in result.stopped


def test_the_log_is_the_job_s_once_there_is_one_and_the_trigger_s_before() -> None:
    refused = called(http=401, status="refused", reason="the token")
    assert World([None], [refused], sent=None).go().log == ["POST pred -> 401 refused: the token"]
    assert World([FAILED], [refused], sent=None).go().log == ["a line"]


def test_lines_that_come_late_are_waited_for_but_not_for_ever() -> None:
    world = World([FAILED], sent=None, printed=[])
    assert world.go().log == []
    assert Cloud.lag_seconds < world.time < 600


def test_keys_that_cannot_see_the_end_of_a_test_start_nothing() -> None:
    world = World(unanswered=[NumeraiRefused("no scope read_submission_info.")])
    told: list[str] = []
    with pytest.raises(NumeraiRefused, match="read_submission_info"):
        world.go(told.append)
    assert told == []


def test_a_look_that_gets_no_answer_ends_no_test() -> None:
    silent = NumeraiSilent("Numerai could not be asked.")
    world = World([RUNNING], unanswered=[None, silent, OperationsError("AWS could not be asked."), silent])
    assert world.go().passed


@pytest.mark.parametrize(
    ("unanswered", "says"),
    [
        ([None, *[NumeraiSilent("Numerai could not be asked.")] * 9], "could not be asked"),
        ([None, NoCredentials("They have expired.")], "have expired"),
    ],
)
def test_when_nobody_answers_any_more_the_steps_that_passed_stay(unanswered: list[Exception | None], says: str) -> None:
    result = World([RUNNING], unanswered=unanswered).go()
    assert (len(result.steps), result.trigger_id, result.passed) == (3, "t-1", False)
    assert says in result.stopped
    assert "The run continues" in result.stopped


def test_refused_keys_are_no_result_of_the_node() -> None:
    with pytest.raises(KeysRefused):
        World(refusal=KeysRefused("no")).go()
