"""One node's triggers, each from the webhook's call to the submission: what belongs together is put together.

A call, a run and a submission know each other by the trigger id; a scheduled run has none and is known to its call by
the job. What a cloud's log does not show yet (Azure's is minutes behind) is simply not there yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from pnodes.dashboard.sources import Call
from providers.operations import Run, State, explain_start, when

_SETTLES = timedelta(seconds=20)  # clocks differ, and a submission may show a moment later


class Outcome(StrEnum):
    """What a trigger came to."""

    SUBMITTED = "submitted"
    LATE = "submitted late"
    FINISHED = "finished"
    ENDED = "finished without a submission"
    RUNNING = "running"
    WAITING = "waiting for its container"
    FAILED = "failed"
    STOPPED = "stopped"
    NOT_STARTED = "not started"


@dataclass(frozen=True)
class Round:
    """A round as Numerai tells it; `closes` is when submissions begin to be late."""

    number: int
    opens: datetime | None
    closes: datetime | None

    def open_at(self, moment: datetime) -> bool:
        """Whether submissions are in time at that moment."""
        return self.closes is not None and moment < self.closes and (self.opens is None or self.opens <= moment)


@dataclass(frozen=True)
class Sent:
    """A submission; `on_time` is None where the round's times are not known."""

    time: datetime
    round: int | None
    trigger_id: str
    on_time: bool | None
    run: Run | None = None


@dataclass(frozen=True)
class Entry:
    """One trigger. `calls` of the webhook or the schedule, oldest first; none where the log does not have them.

    `asked` is when Numerai told its submissions: of a run that ended later it is not known whether it submitted.
    """

    calls: tuple[Call, ...]
    run: Run | None
    sent: Sent | None
    asked: datetime | None = None

    @property
    def at(self) -> datetime:
        """When it began."""
        begun = [call.time for call in self.calls] + ([self.run.created] if self.run else [])
        return min(begun)

    @property
    def end(self) -> datetime:
        """The last thing known of it."""
        ends = [self.at, *(call.time for call in self.calls)]
        if self.run:
            running = not self.run.state.ended
            ends.append(datetime.now(UTC) if running else self.run.stopped or self.run.started or self.run.created)
        if self.sent:
            ends.append(self.sent.time)
        return max(ends)

    @property
    def outcome(self) -> Outcome:
        """What it came to."""
        if self.sent is not None and (self.run is None or self.run.state is not State.FAILED):
            return Outcome.LATE if self.sent.on_time is False else Outcome.SUBMITTED
        if self.run is None:
            return Outcome.NOT_STARTED if self.calls[-1].line.http >= 400 else Outcome.WAITING
        if self.run.state is State.SUCCEEDED and not self.silent:
            return Outcome.FINISHED
        return {
            State.PENDING: Outcome.WAITING,
            State.STARTING: Outcome.WAITING,
            State.RUNNING: Outcome.RUNNING,
            State.SUCCEEDED: Outcome.ENDED,
            State.FAILED: Outcome.FAILED,
            State.CANCELLED: Outcome.STOPPED,
        }[self.run.state]

    @property
    def silent(self) -> bool:
        """Whether it is known that its run ended without a submission."""
        if self.run is None or self.sent is not None or self.run.state is not State.SUCCEEDED:
            return False
        return self.asked is not None and (self.run.stopped is None or self.asked > self.run.stopped + _SETTLES)

    @property
    def cause(self) -> str:
        """What began it, as far as its calls, its run and its submission tell."""
        test = "test" if any(call.line.test for call in self.calls) else ""
        sent = "" if self.sent is None or self.sent.round is None else str(self.sent.round)
        by_webhook = any(call.line.route == "pred" for call in self.calls) or bool(self.run and self.run.trigger_id)
        return explain_start(test or (self.run.round if self.run else "") or sent, by_webhook)


def rounds(told: Iterable[Mapping[str, Any]]) -> list[Round]:
    """Oldest first."""
    found = [
        Round(int(one["number"]), when(one.get("openTime")), when(one.get("closeStakingTime") or one.get("closeTime")))
        for one in told
    ]
    return sorted(found, key=lambda one: (one.opens or datetime.min.replace(tzinfo=UTC), one.number))


def submissions(told: Iterable[Mapping[str, Any]], known: Sequence[Round], runs: Sequence[Run]) -> list[Sent]:
    """Newest first, each with the run whose trigger id it carries, if that is among the runs."""
    times = {one.number: one for one in known}
    by_id = {run.trigger_id: run for run in runs if run.trigger_id}
    found = []
    for one in told:
        moment = when(one.get("insertedAt"))
        if moment is None:
            continue
        number: int | None = (one.get("round") or {}).get("number")
        its = times.get(number) if number is not None else None
        on_time = moment <= its.closes if its is not None and its.closes else None
        trigger_id = str(one.get("triggerId") or "")
        found.append(Sent(moment, number, trigger_id, on_time, by_id.get(trigger_id)))
    return sorted(found, key=lambda sent: sent.time, reverse=True)


def entries(
    calls: Iterable[Call], runs: Iterable[Run], sent: Sequence[Sent], asked: datetime | None = None
) -> list[Entry]:
    """Newest first; `asked`: as of when the submissions are.

    Calls that were turned away before they had an id are not among them: see `refused`.
    """
    grouped: dict[str, list[Call]] = {}
    for call in calls:
        if call.line.run:
            grouped.setdefault(call.line.run, []).append(call)
    by_job = {call.line.job_id: key for key, group in grouped.items() for call in group if call.line.job}
    carried = {one.trigger_id: one for one in reversed(sent) if one.trigger_id}
    found: list[Entry] = []
    taken: set[str] = set()
    for run in runs:
        key = run.trigger_id if run.trigger_id in grouped else by_job.get(run.id, run.trigger_id)
        taken.add(key)
        its = carried.get(run.trigger_id) if run.trigger_id else None
        found.append(Entry(tuple(grouped.get(key, ())), run, its, asked))
    found = [entry if entry.sent else replace(entry, sent=_unsigned(entry, sent)) for entry in found]
    oldest = min((entry.at for entry in found), default=None)
    for key, group in grouped.items():
        # A call from before the oldest run that the cloud still lists tells only that its run is forgotten.
        forgotten = oldest is not None and group[-1].time < oldest and group[-1].line.http < 400
        if key not in taken and not forgotten:
            found.append(Entry(tuple(group), None, carried.get(key), asked))
    return sorted(found, key=lambda entry: entry.at, reverse=True)


def refused(calls: Iterable[Call]) -> list[Call]:
    """Calls that were turned away: a wrong token, a disabled node, a body that is none."""
    return [call for call in calls if not call.line.run and call.line.http >= 400]


def _unsigned(entry: Entry, sent: Sequence[Sent]) -> Sent | None:
    """What a run without a trigger id submitted: a submission without one, made while it ran."""
    run = entry.run
    if run is None or run.trigger_id or run.started is None:
        return None
    until = run.stopped or datetime.now(UTC)
    return next((one for one in sent if not one.trigger_id and run.started <= one.time <= until), None)
