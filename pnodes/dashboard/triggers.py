"""Describe a node's triggers in steps, from the webhook's call to the submission, and the calls that were refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pnodes.dashboard import plots
from pnodes.dashboard.sources import Call
from pnodes.dashboard.story import Entry, Outcome
from pnodes.dashboard.words import duration, moment, plural
from pnodes.deployed.stack import StackNode
from pnodes.scrubbing import Scrubber
from providers.operations import State

LEVELS = {
    Outcome.SUBMITTED: "good",
    Outcome.LATE: "warn",
    Outcome.FINISHED: "none",
    Outcome.ENDED: "warn",
    Outcome.RUNNING: "busy",
    Outcome.WAITING: "busy",
    Outcome.FAILED: "bad",
    Outcome.STOPPED: "warn",
    Outcome.NOT_STARTED: "bad",
}


@dataclass(frozen=True)
class Step:
    """One step of a trigger: its description, time and level."""

    what: str
    time: datetime | None
    level: str


@dataclass(frozen=True)
class TriggerView:
    """One trigger of a node's timeline."""

    entry: Entry
    row: plots.Row
    level: str
    steps: tuple[Step, ...]
    reason: str

    @property
    def id(self) -> str:
        """Unique among the node's triggers."""
        return self.entry.run.id if self.entry.run else self.entry.calls[0].line.run


def describe_refusals(node: StackNode, refused: Sequence[Call], entries: Sequence[Entry]) -> str:
    """Describe the refused calls since the last run; empty if there are none. Calls from before the node was enabled
    no longer matter."""
    last_run = max((entry.at for entry in entries if entry.run), default=datetime.min.replace(tzinfo=UTC))
    new = [call for call in refused if call.time > last_run and not (node.enabled and call.line.disabled)]
    if not new:
        return ""
    return (
        f"{plural(len(new), 'call was', 'calls were')} refused since the last run, "
        f"the newest at {moment(new[-1].time)}: {new[-1].line.reason}."
    )


def build_trigger(entry: Entry, row: plots.Row, clean: Scrubber, now: datetime) -> TriggerView:
    reasons = [call.line.reason for call in entry.calls if call.line.http >= 400][-1:]
    if entry.run is not None:
        reasons = [entry.run.reason]
    reason = clean.scrub_foreign("; ".join(reason for reason in reasons if reason))
    return TriggerView(entry, row, LEVELS[entry.outcome], tuple(_list_steps(entry, clean, now)), reason)


def _list_steps(entry: Entry, clean: Scrubber, now: datetime) -> list[Step]:
    """Return the steps in chronological order; the current one is last."""
    steps = [*_list_call_steps(entry, clean), *_list_run_steps(entry, clean, now), *_list_submission_steps(entry)]
    return sorted(steps, key=lambda step: step.time or datetime.max.replace(tzinfo=UTC))


def _list_call_steps(entry: Entry, clean: Scrubber) -> Iterator[Step]:
    for call in entry.calls:
        caller = "schedule" if call.line.route == "schedule" else "webhook"
        reason = f": {call.line.reason}" if call.line.reason else ""
        answer = clean.scrub_foreign(f"answered {call.line.http} {call.line.status}{reason}")
        yield Step(f"{caller} called, {answer}", call.time, "good" if call.line.http < 400 else "bad")
    if entry.run is None and entry.outcome is Outcome.WAITING:
        yield Step("the cloud does not list the job yet", None, "busy")


def _list_run_steps(entry: Entry, clean: Scrubber, now: datetime) -> Iterator[Step]:
    run = entry.run
    if run is None:
        return
    no_call = "" if entry.calls else " (its call is not in the trigger's log)"
    yield Step(f"job started{no_call}", run.created, "good")
    if run.started is not None:
        waited = duration((run.started - run.created).total_seconds())
        yield Step(f"container started, after {waited}", run.started, "good")
    elif not run.state.ended:
        reason = clean.scrub_foreign(f": {run.reason}" if run.reason else "")
        yield Step(f"waiting for its container{reason}", None, "busy")
    if run.state.ended:
        took = f", after {duration(run.seconds)}" if run.seconds is not None else ""
        good = run.state is State.SUCCEEDED
        reason = clean.scrub_foreign(f": {run.reason}" if run.reason and not good else "")
        yield Step(f"{_ENDS[run.state]}{took}{reason}", run.stopped, "good" if good else LEVELS[entry.outcome])
    elif run.started is not None:
        yield Step(f"running for {duration(max((now - run.started).total_seconds(), 0))}", None, "busy")


def _list_submission_steps(entry: Entry) -> Iterator[Step]:
    if entry.submission is not None:
        how = {True: ", on time", False: ", late", None: ""}[entry.submission.on_time]
        linked = ", with this trigger's id" if entry.submission.trigger_id else ", without a trigger id"
        level = "warn" if entry.submission.on_time is False else "good"
        round_ = "" if entry.submission.round is None else f" for round {entry.submission.round}"
        yield Step(f"submitted{round_}{how}{linked}", entry.submission.time, level)
    elif entry.silent:
        yield Step("Numerai has no submission from this run", None, "warn")


_ENDS = {State.SUCCEEDED: "finished", State.FAILED: "failed", State.CANCELLED: "stopped"}
