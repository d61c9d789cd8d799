"""The queries that every cloud answers about a node: its runs, their logs, the trigger's log. Also follows logs.

A cloud's `operations` module has an `Account(configured, region)`, which holds credentials and clients. Its method
`node(facts)` returns the cloud's subclass of `NodeOperations`. The subclass reads a log; the base class follows it: it
reads repeatedly, allows for lines that arrive late, and stops some time after the run has ended.
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
"""Looks up a setting of the stack's configuration, such as `aws:profile`; None if it is not set."""
STOPPED = "stopped with `pnodes stop`"
UNREACHED = "Check this machine's network connection and try again in a minute."


class OperationsError(Exception):
    """A cloud did not complete a request. The text is a sentence for the user and contains no secrets."""


class Refused(OperationsError):
    """The cloud refused a request. `code` is the cloud's own error code; `facts` holds details of the error."""

    def __init__(self, sentence: str, code: str, facts: Mapping[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.code, self.facts = code, dict(facts or {})


class NoCredentials(OperationsError):
    """The cloud's credentials are missing, invalid or expired. The sentence names the command to sign in."""


class State(StrEnum):
    """The state of a run."""

    PENDING = "PENDING"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def ended(self) -> bool:
        """Whether the run is over."""
        return self in (State.SUCCEEDED, State.FAILED, State.CANCELLED)


@dataclass(frozen=True)
class Run:
    """One run of a node's job. `started` is the start of its container; `round` is a number, "test" or empty."""

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
        """How long the container ran or has been running; None before it starts."""
        if self.started is None:
            return None
        return ((self.stopped or datetime.now(UTC)) - self.started).total_seconds()

    @property
    def cause(self) -> str:
        """Why the run was started."""
        return explain_start(self.round, by_numerai=bool(self.trigger_id))


def explain_start(round_: str, by_numerai: bool) -> str:
    """Return why a run was started: for a test, for a round, by Numerai, or by a schedule or a person."""
    if round_:
        return "test" if round_ == "test" else f"round {round_}"
    return "Numerai" if by_numerai else "schedule or manual"


@dataclass(frozen=True)
class LogLine:
    """A line of a log. `key` identifies it among lines with equal time and text, and is stable between reads."""

    time: datetime
    text: str
    key: str


@dataclass(frozen=True)
class NodeFacts:
    """A node's entry in the stack's output `nodes`. `names` holds the facts that only its cloud's modules read."""

    name: str
    cloud: str
    region: str
    job: str
    names: dict[str, str]

    def require(self, fact: str) -> str:
        """Return a fact. Raises OperationsError if the stack was last deployed by a version that did not write it."""
        try:
            return self.names[fact]
        except KeyError:
            raise OperationsError(
                f'the stack\'s output `nodes` has no "{fact}" for {self.name}: it was written by an older version of '
                "this project. Run `pulumi up` once."
            ) from None


class NodeOperations(abc.ABC):
    """One node on its cloud. Every method raises OperationsError."""

    poll_seconds: ClassVar[float] = 2.0
    """The pause between two requests while waiting."""
    lag_seconds: ClassVar[float] = 5.0
    """How late a line may arrive in the cloud's log."""

    @abc.abstractmethod
    def runs(self, limit: int = 10) -> list[Run]:
        """Return the latest runs, newest first."""

    @abc.abstractmethod
    def run(self, run_id: str) -> Run:
        """Return one run."""

    @abc.abstractmethod
    def log(self, run: Run, since: datetime | None = None, limit: int = 1000) -> list[LogLine]:
        """Return lines of a run's log, oldest first: all since `since`, or else the last `limit` lines."""

    @abc.abstractmethod
    def trigger_log(self, since: datetime | None = None, limit: int = 1000) -> list[LogLine]:
        """Return lines of the trigger's log, selected and ordered as in `log`."""

    @abc.abstractmethod
    def stop(self, run: Run) -> None:
        """Ask the cloud to stop a run. Does not wait until it has ended."""

    def follow(self, run: Run, limit: int = 1000, pause: Callable[[float], None] = time.sleep) -> Iterator[LogLine]:
        """Yield the lines of a run's log as they arrive, until `lag_seconds` after the run's end."""
        current, updated = run, time.monotonic()

        def is_complete() -> bool:
            nonlocal current, updated
            if not current.state.ended:
                current, updated = self.run(run.id), time.monotonic()
                return False
            age = datetime.now(UTC) - (current.stopped or current.created)
            # This machine's clock may be behind the cloud's, so the time since the last update counts as well.
            return max(age.total_seconds(), time.monotonic() - updated) > self.lag_seconds

        return self._follow(lambda since: self.log(run, since, limit), is_complete, pause)

    def follow_trigger(self, limit: int = 1000, pause: Callable[[float], None] = time.sleep) -> Iterator[LogLine]:
        """Yield the lines of the trigger's log as they arrive, without end."""
        return self._follow(lambda since: self.trigger_log(since, limit), lambda: False, pause)

    def _follow(
        self,
        read: Callable[[datetime | None], list[LogLine]],
        is_complete: Callable[[], bool],
        pause: Callable[[float], None],
    ) -> Iterator[LogLine]:
        seen: set[str] = set()
        since: datetime | None = None
        while True:
            # Checked before reading, so that the last read contains the last line.
            last = is_complete()
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
    """A signed-in cloud account in one region."""

    def node(self, facts: NodeFacts) -> NodeOperations:
        """Return the operations of a node."""


def number_lines(lines: list[tuple[datetime, str]]) -> list[LogLine]:
    """Convert (time, text) lines of a log without line ids. Equal lines get different keys."""
    repeats: dict[tuple[datetime, str], int] = {}
    numbered = []
    for line in lines:
        repeats[line] = repeats.get(line, -1) + 1
        numbered.append(LogLine(line[0], line[1], f"{line[0].isoformat()} {repeats[line]} {line[1]}"))
    return numbered


def read_milliseconds(milliseconds: float | None) -> datetime | None:
    """Convert epoch milliseconds to a time."""
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)


def read_time(text: str | None) -> datetime | None:
    """Parse an ISO 8601 time; decimals after the sixth are dropped. A time without an offset is taken as UTC."""
    if not text:
        return None
    time_ = datetime.fromisoformat(text)
    return time_ if time_.tzinfo else time_.replace(tzinfo=UTC)


def read_origin(entries: list[dict[str, Any]] | None) -> dict[str, str]:
    """Return the fields of a run that its container's variables hold: `trigger_id` and `round`."""
    # Entries without a value are references to secrets.
    values = {entry["name"]: str(entry["value"]) for entry in entries or [] if entry.get("value")}
    return {"trigger_id": values.get("TRIGGER_ID", ""), "round": values.get("ROUND_NUMBER", "")}
