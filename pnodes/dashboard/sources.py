"""The queries behind the page, one source for each, so that a slow or failing one does not delay the others.

The intervals respect the services' limits: Cloud Logging allows 60 reads a minute for a whole project, Numerai 100
queries for submissions. A trigger's log is read in full once; after that, only new lines are read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from pnodes.dashboard.deployment import Deployment
from pnodes.deployed.history import RoundRecord
from pnodes.deployed.scores import FRESH
from providers.operations import LogLine, OperationsError, Run
from providers.refusal import Refusal
from trigger.log_line import TriggerLine, parse

RUNS, CALLS, SENT, ROUNDS, HISTORY, SCORES = "runs", "calls", "submissions", "rounds", "history", "scores"
SECONDS = {RUNS: 15.0, CALLS: 120.0, SENT: 60.0, ROUNDS: 60.0, HISTORY: 600.0, SCORES: FRESH.total_seconds()}
ALL = "all nodes"
_RUNS_SHOWN = 40
_CALLS_READ = 300
_LIST_EVERY = timedelta(minutes=30)


@dataclass(frozen=True)
class Call:
    """A line that the trigger itself wrote to its log."""

    time: datetime
    line: TriggerLine


@dataclass(frozen=True)
class Calls:
    """The calls so far, oldest first. The next read begins at `since`; `seen` are the keys of the lines after it."""

    calls: tuple[Call, ...] = ()
    seen: frozenset[str] = frozenset()
    since: datetime | None = None


@dataclass(frozen=True)
class Rounds:
    """A tournament's rounds as Numerai returns them, and when the full list was fetched."""

    rounds: tuple[dict[str, Any], ...]
    listed: datetime


@dataclass(frozen=True)
class Answer:
    """The last answer, its time (None before the first answer), and a message if the newest attempt failed."""

    value: Any = None
    at: datetime | None = None
    problem: str = ""

    @property
    def waiting(self) -> bool:
        """Whether there is neither an answer nor a problem yet."""
        return self.at is None and not self.problem


@dataclass
class Source:
    """One query. `ask` takes the previous answer's value (None at first) and returns the new one."""

    kind: str
    about: str
    ask: Callable[[Any], Any]
    answer: Answer = field(default_factory=Answer)

    @property
    def key(self) -> str:
        """The source's unique name."""
        return f"{self.kind}/{self.about}"

    @property
    def seconds(self) -> float:
        """The interval between two queries."""
        return SECONDS[self.kind]

    def refresh(self) -> None:
        """Ask again; never raises. If that fails, the previous value stays, with the problem."""
        before = self.answer
        try:
            self.answer = Answer(self.ask(before.value), datetime.now(UTC))
        except (OperationsError, Refusal) as error:
            self.answer = Answer(before.value, before.at, str(error))
        except Exception as error:  # noqa: BLE001 - an answer in an unknown form must not hide the other nodes
            problem = f"The answer about the {self.kind} of {self.about} could not be read ({type(error).__name__})."
            self.answer = Answer(before.value, before.at, problem)


def list_sources(deployment: Deployment) -> dict[str, Source]:
    """Return the sources of a deployment, by key."""
    sources = [Source(ROUNDS, name, partial(_fetch_rounds, deployment, name)) for name in deployment.tournaments]
    sources.append(Source(SCORES, ALL, lambda _before: deployment.scores()))
    for name in deployment.nodes:
        sources += [
            Source(RUNS, name, partial(_fetch_runs, deployment, name)),
            Source(SENT, name, partial(_fetch_submissions, deployment, name)),
            Source(CALLS, name, partial(_fetch_calls, deployment, name)),
            Source(HISTORY, name, partial(_fetch_history, deployment, name)),
        ]
    return {source.key: source for source in sources}


def _fetch_runs(deployment: Deployment, name: str, _before: Any) -> list[Run]:
    return deployment.operations(name).runs(limit=_RUNS_SHOWN)


def _fetch_submissions(deployment: Deployment, name: str, _before: Any) -> list[dict[str, Any]]:
    return deployment.submissions(name)


def _fetch_history(deployment: Deployment, name: str, _before: Any) -> list[RoundRecord]:
    return deployment.history(name)


def _fetch_calls(deployment: Deployment, name: str, before: Calls | None) -> Calls:
    cloud = deployment.operations(name)
    before = before or Calls()
    lines = cloud.trigger_log(limit=_CALLS_READ) if before.since is None else cloud.trigger_log(before.since)
    return _merge_calls(before, lines, timedelta(seconds=cloud.lag_seconds))


def _merge_calls(before: Calls, lines: list[LogLine], lag: timedelta) -> Calls:
    parsed = [(line.time, parse(line.text)) for line in lines if line.key not in before.seen]
    calls = [Call(time, line) for time, line in parsed if line and line.route in ("pred", "schedule")]
    newest = max((line.time for line in lines), default=None)
    since = before.since if newest is None else max(newest - lag, before.since or newest - lag)
    ordered = sorted([*before.calls, *calls], key=lambda call: call.time)
    # The next read begins no earlier than this one, so older keys cannot reappear.
    seen = frozenset(line.key for line in lines) or before.seen
    return Calls(tuple(ordered[-_CALLS_READ:]), seen, since)


def _fetch_rounds(deployment: Deployment, tournament: str, before: Rounds | None) -> Rounds:
    now = datetime.now(UTC)
    try:
        current = deployment.current_round(tournament)
    except Refusal:
        current = None  # between two rounds Numerai may refuse this query; the list suffices then
        if before is None or now - before.listed > timedelta(minutes=2):
            return Rounds(tuple(deployment.rounds(tournament)), now)
    by_number = {round_["number"]: round_ for round_ in before.rounds} if before else {}
    if before is None or now - before.listed > _LIST_EVERY or (current and current["number"] not in by_number):
        by_number, listed = {round_["number"]: round_ for round_ in deployment.rounds(tournament)}, now
    else:
        listed = before.listed
    if current:
        by_number[current["number"]] = current
    return Rounds(tuple(by_number.values()), listed)
