"""What every cloud answers about a node: its runs, their logs, the trigger's log; and how each of them is followed.

A cloud's module has `Account(configured, region)`, which holds credentials and clients, and `Account.node(facts)`, a
subclass of `NodeOperations`. Reading a log is the cloud's, following it is here: what is new since the last look, with
room for lines that come late, until the run has ended and its log had the time to arrive.
"""

from __future__ import annotations

import abc
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar, Protocol

Configured = Callable[[str], Any]
"""The stack's configuration: `aws:profile` -> its value as text, None when it is not set."""
STOPPED = "stopped with `pnodes stop`"


UNREACHED = "Look at this machine's connection, and try again in a minute."


class OperationsError(Exception):
    """A cloud could not do what was asked; the text is a sentence for the person, without any secret."""


class Refused(OperationsError):
    """The cloud answered no: its own `code` for why, and what else it says about it as `facts`."""

    def __init__(self, sentence: str, code: str, facts: Mapping[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.code, self.facts = code, dict(facts or {})


class NoCredentials(OperationsError):
    """The cloud's credentials are missing or have expired; the sentence has the command that mends it."""


class State(StrEnum):
    """How far a run came."""

    PENDING = "PENDING"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self in (State.SUCCEEDED, State.FAILED, State.CANCELLED)


@dataclass(frozen=True)
class Run:
    """One run of a node's job. `started`: when its container did; `round`: a number or "test", else empty."""

    id: str
    state: State
    created: datetime
    reason: str = ""
    started: datetime | None = None
    stopped: datetime | None = None
    trigger_id: str = ""
    round: str = ""

    @property
    def seconds(self) -> float | None:
        """How long its container ran, or has been running."""
        if self.started is None:
            return None
        return ((self.stopped or datetime.now(UTC)) - self.started).total_seconds()

    @property
    def cause(self) -> str:
        """Why it was started."""
        return explain_start(self.round, by_numerai=bool(self.trigger_id))


def explain_start(round_: str, by_numerai: bool) -> str:
    """Return why a run was started: for a test, for a round, by Numerai, or by something that names no round."""
    if round_:
        return "test" if round_ == "test" else f"round {round_}"
    return "Numerai" if by_numerai else "schedule or manual"


@dataclass(frozen=True)
class LogLine:
    """A line of a log. `key` tells lines of the same time and text apart, the same at every look."""

    time: datetime
    text: str
    key: str


@dataclass(frozen=True)
class NodeFacts:
    """A node as the stack's output `nodes` has it; `names` holds what only its cloud's module reads."""

    name: str
    cloud: str
    region: str
    job: str
    names: dict[str, str]

    def named(self, fact: str) -> str:
        """A fact by its name. Raises OperationsError where an older `pulumi up` did not write it."""
        try:
            return self.names[fact]
        except KeyError:
            raise OperationsError(
                f'the stack\'s output `nodes` does not say the "{fact}" of {self.name}: it was written by an older '
                "version of this project. Run `pulumi up` once."
            ) from None


class NodeOperations(abc.ABC):
    """One node on its cloud. Every method raises OperationsError."""

    poll_seconds: ClassVar[float] = 2.0
    """How often the cloud may be asked while something is waited for."""
    lag_seconds: ClassVar[float] = 5.0
    """How late a line may come to the cloud's log."""

    @abc.abstractmethod
    def runs(self, limit: int = 10) -> list[Run]:
        """The newest runs, newest first."""

    @abc.abstractmethod
    def run(self, run_id: str) -> Run:
        """One run."""

    @abc.abstractmethod
    def log(self, run: Run, since: datetime | None = None, limit: int = 1000) -> list[LogLine]:
        """The last lines of a run's log, oldest first: all that are not older than `since`, else at most `limit`."""

    @abc.abstractmethod
    def trigger_log(self, since: datetime | None = None, limit: int = 1000) -> list[LogLine]:
        """The same of the trigger's log."""

    @abc.abstractmethod
    def stop(self, run: Run) -> None:
        """Ask the cloud to end a run; it ends a little later."""

    def follow(self, run: Run, limit: int = 1000, pause: Callable[[float], None] = time.sleep) -> Iterator[LogLine]:
        """A run's log as it grows, until the run has ended and its last lines had the time to arrive."""
        current, noticed = run, time.monotonic()

        def over() -> bool:
            nonlocal current, noticed
            if not current.state.ended:
                current, noticed = self.run(run.id), time.monotonic()
                return False
            late = datetime.now(UTC) - (current.stopped or current.created)
            # By this machine's clock too, which may be behind the cloud's.
            return max(late.total_seconds(), time.monotonic() - noticed) > self.lag_seconds

        return self._follow(lambda since: self.log(run, since, limit), over, pause)

    def follow_trigger(self, limit: int = 1000, pause: Callable[[float], None] = time.sleep) -> Iterator[LogLine]:
        """The trigger's log as it grows, for ever."""
        return self._follow(lambda since: self.trigger_log(since, limit), lambda: False, pause)

    def _follow(
        self, read: Callable[[datetime | None], list[LogLine]], over: Callable[[], bool], pause: Callable[[float], None]
    ) -> Iterator[LogLine]:
        seen: set[str] = set()
        since: datetime | None = None
        while True:
            # Asked before the log is read: what was printed before the end is then among what is read.
            last = over()
            for line in read(since):
                if line.key not in seen:
                    seen.add(line.key)
                    newest = line.time - timedelta(seconds=self.lag_seconds)
                    since = newest if since is None else max(since, newest)
                    yield line
            if last:
                return
            pause(self.poll_seconds)


class Account(Protocol):
    """A cloud account in one region, signed in."""

    def node(self, facts: NodeFacts) -> NodeOperations:
        """The operations of a node."""


def counted(lines: list[tuple[datetime, str]]) -> list[LogLine]:
    """Lines of a log that gives them no ids: told apart by time, text and how often both came before."""
    before: dict[tuple[datetime, str], int] = {}
    found = []
    for line in lines:
        before[line] = before.get(line, -1) + 1
        found.append(LogLine(line[0], line[1], f"{line[0].isoformat()} {before[line]} {line[1]}"))
    return found


def at(milliseconds: float | None) -> datetime | None:
    """Epoch milliseconds as a time."""
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)


def when(text: str | None) -> datetime | None:
    """An ISO 8601 time with up to nine decimals, as the clouds write it."""
    if not text:
        return None
    found = datetime.fromisoformat(_shortened(text))
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _shortened(text: str) -> str:
    head, dot, tail = text.partition(".")
    if not dot:
        return text
    digits = len(tail) - len(tail.lstrip("0123456789"))
    return f"{head}.{tail[: min(digits, 6)].ljust(6, '0')}{tail[digits:]}"


def variables(entries: list[dict[str, Any]] | None) -> dict[str, str]:
    """What a container was told that is no secret: name -> value of the entries that have one."""
    return {str(each["name"]): str(each["value"]) for each in entries or [] if each.get("value")}
