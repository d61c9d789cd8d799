"""The queries behind the page, so that a slow or failing one does not delay the others.

Four kinds keep the table fresh, whatever the number of nodes: one request to the trigger of each region, which knows
the rounds of its nodes, one to Numerai for each account, and the scores, which are asked for every hour. A node whose
details are open also has its runs and its trigger's log read. The intervals respect the services' limits: Cloud Logging
allows 60 reads a minute for a whole project, Numerai 100 queries for submissions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from pnodes.dashboard.deployment import Deployment
from pnodes.dashboard.rounds import expect_opening, parse_rounds
from pnodes.deployed.history import RoundRecord
from pnodes.deployed.scores import FRESH
from providers.operations import LogLine, OperationsError, Run
from providers.refusal import Refusal
from trigger.log_line import TriggerLine, parse

RUNS, CALLS, SENT, ROUNDS, HISTORY, SCORES = "runs", "calls", "submissions", "rounds", "history", "scores"
SECONDS = {RUNS: 15.0, CALLS: 120.0, SENT: 60.0, HISTORY: 60.0, SCORES: FRESH.total_seconds()}
DETAILS = (RUNS, CALLS)
"""The kinds that are asked only for nodes whose details are open."""
ALL = "all nodes"
_RUNS_SHOWN = 40
_CALLS_READ = 300
_LAST_ROUNDS = 3
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
    """One query. `ask` takes the last answers and returns new values, or what failed, by the answers' keys."""

    kind: str
    key: str
    answers: dict[str, Answer]
    ask: Callable[[Mapping[str, Answer]], Mapping[str, Any]]

    @property
    def seconds(self) -> float:
        """The interval between two queries."""
        return SECONDS[self.kind]

    def refresh(self) -> None:
        """Ask again; never raises. If that fails, the previous values stay, with the problem."""
        before = self.answers
        try:
            values = self.ask(before)
        except (OperationsError, Refusal) as error:
            values = dict.fromkeys(before, error)
        except Exception as error:  # noqa: BLE001 - an answer in an unknown form must not hide the other nodes
            values = dict.fromkeys(before, OperationsError(_describe_unread(self.key, error)))
        now = datetime.now(UTC)
        self.answers = {key: _update(answer, values, key, now) for key, answer in before.items()}


def _update(before: Answer, values: Mapping[str, Any], key: str, now: datetime) -> Answer:
    value = values.get(key)
    if isinstance(value, Exception):
        return replace(before, problem=str(value))
    return Answer(value, now) if key in values else replace(before, problem="")


def _describe_unread(key: str, error: Exception) -> str:
    kind, _, about = key.partition("/")
    return f"The answer about the {kind} of {about} could not be read ({type(error).__name__})."


def list_sources(deployment: Deployment) -> dict[str, Source]:
    """Return the sources of a deployment, by key."""
    regions: dict[tuple[int, str, str], list[str]] = {}
    accounts: dict[tuple[int, str | None], list[str]] = {}
    for name, node in deployment.nodes.items():
        regions.setdefault((node.stack, node.facts.cloud, node.facts.region), []).append(name)
        accounts.setdefault((node.stack, node.account), []).append(name)
    sources = [_name_source(SCORES, [f"{SCORES}/{ALL}"], lambda _before: {f"{SCORES}/{ALL}": deployment.scores()})]
    for names in regions.values():
        keys = [f"{HISTORY}/{name}" for name in names]
        sources.append(_name_source(HISTORY, keys, partial(_ask_region, deployment, names)))
    for place, names in enumerate(accounts.values()):
        tournaments = [] if place else deployment.tournaments  # rounds are public: any account will do
        keys = [*(f"{SENT}/{name}" for name in names), *(f"{ROUNDS}/{name}" for name in tournaments)]
        sources.append(_name_source(SENT, keys, partial(_ask_numerai, deployment, names, tournaments)))
    for name in deployment.nodes:
        sources.append(_name_source(RUNS, [f"{RUNS}/{name}"], partial(_ask_runs, deployment, name)))
        sources.append(_name_source(CALLS, [f"{CALLS}/{name}"], partial(_ask_calls, deployment, name)))
    return {source.key: source for source in sources}


def _name_source(kind: str, keys: Sequence[str], ask: Callable[[Mapping[str, Answer]], Mapping[str, Any]]) -> Source:
    return Source(kind, keys[0], dict.fromkeys(keys, Answer()), ask)


def _ask_region(deployment: Deployment, names: Sequence[str], before: Mapping[str, Answer]) -> dict[str, Any]:
    known = [answer.at for answer in before.values() if answer.at]
    # At most one round a day since the last answer, and those that may have changed.
    last = (datetime.now(UTC) - min(known)).days + _LAST_ROUNDS if known else None
    values: dict[str, Any] = {}
    for name, answer in deployment.history(names, last).items():
        key = f"{HISTORY}/{name}"
        values[key] = answer if isinstance(answer, Exception) else _merge_rounds(before[key].value or [], answer)
    return values


def _merge_rounds(before: Sequence[RoundRecord], new: Sequence[RoundRecord]) -> list[RoundRecord]:
    rounds = {round_.number: round_ for round_ in (*before, *new)}
    return [rounds[number] for number in sorted(rounds, reverse=True)]


def _ask_numerai(
    deployment: Deployment, names: Sequence[str], tournaments: Sequence[str], before: Mapping[str, Answer]
) -> dict[str, Any]:
    now = datetime.now(UTC)
    submissions, rounds = deployment.survey(names, [name for name in tournaments if _is_due(name, before, now)])
    values: dict[str, Any] = {f"{SENT}/{name}": sent for name, sent in submissions.items()}
    return values | {f"{ROUNDS}/{name}": parse_rounds(listed) for name, listed in rounds.items()}


def _is_due(tournament: str, before: Mapping[str, Answer], now: datetime) -> bool:
    """Whether the rounds must be listed again: after half an hour, or while a new one is expected to open."""
    answer = before[f"{ROUNDS}/{tournament}"]
    if answer.at is None or now - answer.at > _LIST_EVERY:
        return True
    expected = expect_opening(answer.value, now - _LIST_EVERY)
    is_open = any(round_.open_at(now) for round_ in answer.value)
    return not is_open and expected is not None and expected <= now


def _ask_runs(deployment: Deployment, name: str, _before: Mapping[str, Answer]) -> dict[str, list[Run]]:
    return {f"{RUNS}/{name}": deployment.operations(name).runs(limit=_RUNS_SHOWN)}


def _ask_calls(deployment: Deployment, name: str, before: Mapping[str, Answer]) -> dict[str, Calls]:
    key = f"{CALLS}/{name}"
    return {key: _fetch_calls(deployment, name, before[key].value)}


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
