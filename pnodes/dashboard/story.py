"""Combine a node's calls, runs and submissions into triggers: each from the webhook's call to the submission.

The trigger id links a call, its run and its submission. A scheduled run has no trigger id; the job's id links it to its
call. Calls that a cloud's log does not show yet (Azure's is minutes behind) are added as soon as it does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from pnodes.dashboard.rounds import Round
from pnodes.dashboard.sources import Call
from providers.operations import Run, State, explain_start, read_time

_SETTLES = timedelta(seconds=20)  # allows for clock differences, and for submissions that appear late


class Outcome(StrEnum):
    """The result of a trigger."""

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
class Submission:
    """A submission; `on_time` is None if the round's times are not known."""

    time: datetime
    round: int | None
    trigger_id: str
    on_time: bool | None
    run: Run | None = None


@dataclass(frozen=True)
class Entry:
    """One trigger: its calls (of the webhook or the schedule, oldest first; may be empty), its run and its submission.

    `asked` is the time of Numerai's answer about submissions. Whether a run that ended later submitted is not known.
    """

    calls: tuple[Call, ...]
    run: Run | None
    submission: Submission | None
    asked: datetime | None = None

    @property
    def at(self) -> datetime:
        """When the trigger began."""
        return min([call.time for call in self.calls] + ([self.run.created] if self.run else []))

    @property
    def end(self) -> datetime:
        """The time of the last known event."""
        ends = [self.at, *(call.time for call in self.calls)]
        if self.run:
            running = not self.run.state.ended
            ends.append(datetime.now(UTC) if running else self.run.stopped or self.run.started or self.run.created)
        if self.submission:
            ends.append(self.submission.time)
        return max(ends)

    @property
    def outcome(self) -> Outcome:
        """The result so far."""
        if self.submission is not None and (self.run is None or self.run.state is not State.FAILED):
            return Outcome.LATE if self.submission.on_time is False else Outcome.SUBMITTED
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
        """Whether the run is known to have ended without a submission."""
        if self.run is None or self.submission is not None or self.run.state is not State.SUCCEEDED:
            return False
        return self.asked is not None and (self.run.stopped is None or self.asked > self.run.stopped + _SETTLES)

    @property
    def cause(self) -> str:
        """The reason for the start, derived from the calls, the run and the submission."""
        test = "test" if any(call.line.test for call in self.calls) else ""
        submission = "" if self.submission is None or self.submission.round is None else str(self.submission.round)
        by_webhook = any(call.line.route == "pred" for call in self.calls) or bool(self.run and self.run.trigger_id)
        return explain_start(test or (self.run.round if self.run else "") or submission, by_webhook)


def parse_submissions(
    answer: Iterable[Mapping[str, Any]], rounds: Sequence[Round], runs: Sequence[Run]
) -> list[Submission]:
    """Parse Numerai's submissions; returns them newest first, each with the run that has its trigger id, if any."""
    by_number = {round_.number: round_ for round_ in rounds}
    by_id = {run.trigger_id: run for run in runs if run.trigger_id}
    submissions = []
    for item in answer:
        moment = read_time(item.get("insertedAt"))
        if moment is None:
            continue
        number: int | None = (item.get("round") or {}).get("number")
        round_ = by_number.get(number) if number is not None else None
        on_time = moment <= round_.closes if round_ is not None and round_.closes else None
        trigger_id = str(item.get("triggerId") or "")
        submissions.append(Submission(moment, number, trigger_id, on_time, by_id.get(trigger_id)))
    return sorted(submissions, key=lambda submission: submission.time, reverse=True)


def list_entries(
    calls: Iterable[Call], runs: Iterable[Run], submissions: Sequence[Submission], asked: datetime | None = None
) -> list[Entry]:
    """Combine calls, runs and submissions into triggers, newest first; `asked` is the time of the submissions.

    Calls that were refused before they had an id are not included; `list_refused` returns them.
    """
    grouped: dict[str, list[Call]] = {}
    for call in calls:
        if call.line.run:
            grouped.setdefault(call.line.run, []).append(call)
    by_job = {call.line.job_id: key for key, group in grouped.items() for call in group if call.line.job}
    by_trigger_id = {submission.trigger_id: submission for submission in reversed(submissions) if submission.trigger_id}
    entries: list[Entry] = []
    matched: set[str] = set()
    for run in runs:
        key = run.trigger_id if run.trigger_id in grouped else by_job.get(run.id, run.trigger_id)
        matched.add(key)
        submission = by_trigger_id.get(run.trigger_id) if run.trigger_id else None
        submission = submission or _find_unlinked(run, submissions)
        entries.append(Entry(tuple(grouped.get(key, ())), run, submission, asked))
    oldest = min((entry.at for entry in entries), default=None)
    for key, group in grouped.items():
        # The cloud no longer lists the run of a call that is older than the oldest listed run.
        forgotten = oldest is not None and group[-1].time < oldest and group[-1].line.http < 400
        if key not in matched and not forgotten:
            entries.append(Entry(tuple(group), None, by_trigger_id.get(key), asked))
    return sorted(entries, key=lambda entry: entry.at, reverse=True)


def list_refused(calls: Iterable[Call]) -> list[Call]:
    """Return the calls that were refused, for example for a wrong token, a disabled node or an invalid body."""
    return [call for call in calls if not call.line.run and call.line.http >= 400]


def _find_unlinked(run: Run, submissions: Sequence[Submission]) -> Submission | None:
    """Find the submission of a run without a trigger id: one that has none either and was made during the run."""
    if run.trigger_id or run.started is None:
        return None
    until = run.stopped or datetime.now(UTC)
    return next((one for one in submissions if not one.trigger_id and run.started <= one.time <= until), None)
