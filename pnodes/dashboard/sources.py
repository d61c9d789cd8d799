"""What is asked, of whom and how often: a source for each question, so one that is slow or fails delays no other.

How often follows what the services allow: Cloud Logging takes sixty reads a minute for a whole project, Numerai a
hundred look-ups of submissions. A trigger's log is read whole once, then only what is new.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from pnodes.dashboard.deployment import Deployment
from providers.operations import LogLine, OperationsError, Run
from providers.refusal import Refusal
from trigger.log_line import TriggerLine, parse

RUNS, CALLS, SENT, ROUNDS = "runs", "calls", "submissions", "rounds"
SECONDS = {RUNS: 15.0, CALLS: 120.0, SENT: 60.0, ROUNDS: 60.0}
_RUNS_SHOWN = 40
_CALLS_READ = 300
_LIST_EVERY = timedelta(minutes=30)


@dataclass(frozen=True)
class Call:
    """A line of the trigger's log that is one of its own."""

    time: datetime
    line: TriggerLine


@dataclass(frozen=True)
class Calls:
    """The calls so far, oldest first; `since` is where the next look begins, `seen` the keys of lines after it."""

    calls: tuple[Call, ...] = ()
    seen: frozenset[str] = frozenset()
    since: datetime | None = None


@dataclass(frozen=True)
class Rounds:
    """A tournament's rounds as Numerai tells them, and when the whole list was asked for."""

    known: tuple[dict[str, Any], ...]
    listed: datetime


@dataclass(frozen=True)
class Answer:
    """The last answer, when it came, and a sentence when the newest try failed; `at` is None before the first one."""

    value: Any = None
    at: datetime | None = None
    problem: str = ""

    @property
    def waiting(self) -> bool:
        """Whether nothing is known yet."""
        return self.at is None and not self.problem


@dataclass
class Source:
    """One question: `ask` is given the last answer's value, or None."""

    kind: str
    about: str
    ask: Callable[[Any], Any]
    answer: Answer = field(default_factory=Answer)

    @property
    def key(self) -> str:
        """Its name among the sources."""
        return f"{self.kind}/{self.about}"

    @property
    def seconds(self) -> float:
        """How often it is asked."""
        return SECONDS[self.kind]

    def look(self) -> None:
        """Ask; never raises. An answer that failed keeps the value before it."""
        before = self.answer
        try:
            self.answer = Answer(self.ask(before.value), datetime.now(UTC))
        except (OperationsError, Refusal) as error:
            self.answer = Answer(before.value, before.at, str(error))
        except Exception as error:  # noqa: BLE001 - an answer in an unknown form must not hide the other nodes
            told = f"The answer about the {self.kind} of {self.about} could not be read ({type(error).__name__})."
            self.answer = Answer(before.value, before.at, told)


def sources(deployment: Deployment) -> dict[str, Source]:
    """All questions about a deployment, by key."""
    found = [Source(ROUNDS, name, partial(_rounds, deployment, name)) for name in deployment.tournaments]
    for name in deployment.nodes:
        found += [
            Source(RUNS, name, partial(_runs, deployment, name)),
            Source(SENT, name, partial(_submissions, deployment, name)),
            Source(CALLS, name, partial(_calls, deployment, name)),
        ]
    return {source.key: source for source in found}


def _runs(deployment: Deployment, name: str, _before: Any) -> list[Run]:
    return deployment.operations(name).runs(limit=_RUNS_SHOWN)


def _submissions(deployment: Deployment, name: str, _before: Any) -> list[dict[str, Any]]:
    return deployment.submissions(name)


def _calls(deployment: Deployment, name: str, before: Calls | None) -> Calls:
    cloud = deployment.operations(name)
    before = before or Calls()
    read = cloud.trigger_log(limit=_CALLS_READ) if before.since is None else cloud.trigger_log(before.since)
    return _merged(before, read, timedelta(seconds=cloud.lag_seconds))


def _merged(before: Calls, read: list[LogLine], lag: timedelta) -> Calls:
    new = [line for line in read if line.key not in before.seen]
    calls = [Call(line.time, told) for line in new if (told := parse(line.text)) and told.route in ("pred", "schedule")]
    newest = max((line.time for line in read), default=None)
    since = before.since if newest is None else max(newest - lag, before.since or newest - lag)
    ordered = sorted([*before.calls, *calls], key=lambda call: call.time)
    # The next look begins no earlier than this one did, so older keys cannot come again.
    seen = frozenset(line.key for line in read) or before.seen
    return Calls(tuple(ordered[-_CALLS_READ:]), seen, since)


def _rounds(deployment: Deployment, tournament: str, before: Rounds | None) -> Rounds:
    now = datetime.now(UTC)
    try:
        current = deployment.current_round(tournament)
    except Refusal:
        current = None  # between two rounds Numerai may refuse this question; the list says what there is to say
        if before is None or now - before.listed > timedelta(minutes=2):
            return Rounds(tuple(deployment.rounds(tournament)), now)
    known = {one["number"]: one for one in before.known} if before else {}
    if before is None or now - before.listed > _LIST_EVERY or (current and current["number"] not in known):
        known, listed = {one["number"]: one for one in deployment.rounds(tournament)}, now
    else:
        listed = before.listed
    if current:
        known[current["number"]] = current
    return Rounds(tuple(known.values()), listed)
