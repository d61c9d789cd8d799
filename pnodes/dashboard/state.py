"""Say what became of a node's newest round, from its trigger's record and Numerai's submissions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pnodes.dashboard.story import Entry, Submission
from pnodes.dashboard.words import duration
from pnodes.deployed.history import Outcome, RoundRecord
from pnodes.deployed.stack import StackNode
from pnodes.scrubbing import Scrubber

_START = timedelta(minutes=30)  # how long a container may take to start
_TEXTS = {
    Outcome.SUBMITTED: ("good", "submitted"),
    Outcome.RESCUED: ("warn", "rescued"),
    Outcome.LATE: ("warn", "submitted late"),
    Outcome.MISSED: ("bad", "missed"),
}
_ENDS = {"failed": ("bad", "failed"), "stopped": ("warn", "stopped"), "succeeded": ("none", "finished")}


@dataclass(frozen=True)
class NodeState:
    """`level` is good, warn, bad, busy or none; `reason` says why the round has no submission in time."""

    level: str
    text: str
    round: int | None = None
    reason: str = ""

    @property
    def label(self) -> str:
        """The state with its round."""
        return self.text if self.round is None else f"{self.text}, round {self.round}"

    def scrub(self, clean: Scrubber) -> NodeState:
        """Remove secrets from the reason, which comes from a cloud."""
        return replace(self, reason=clean.scrub_foreign(self.reason))


def describe_state(
    node: StackNode,
    history: Sequence[RoundRecord],
    submissions: Sequence[Submission],
    running: Entry | None,
    waiting: bool,
    unreachable: bool,
    now: datetime,
) -> NodeState:
    """Return the state of a node's newest round. `running`: its run in progress, if the cloud was asked."""
    record = history[0] if history else None
    sent = next((submission for submission in submissions if submission.round is not None), None)
    if running is not None:
        took = running.run.seconds if running.run else None
        text = str(running.outcome) if took is None else f"running for {duration(took)}"
        return NodeState("busy", text, _read_round(running))
    if not node.enabled:
        return NodeState("none", "disabled", record.number if record else sent.round if sent else None)
    if sent is not None and sent.round is not None and (record is None or sent.round >= record.number):
        outcome = Outcome.LATE if sent.on_time is False else Outcome.SUBMITTED
        if record is not None and record.number == sent.round and record.outcome is Outcome.RESCUED:
            outcome = Outcome.RESCUED
        reason = record.reason if record and record.number == sent.round else ""
        return NodeState(*_TEXTS[outcome], sent.round, reason)
    if record is None:
        if unreachable:
            return NodeState("bad", "not reachable")
        return NodeState("none", "asking its trigger" if waiting else "never ran")
    return _describe_record(node, record, now)


def _describe_record(node: StackNode, record: RoundRecord, now: datetime) -> NodeState:
    if record.outcome is not Outcome.OPEN:
        return NodeState(*_TEXTS[record.outcome], record.number, record.reason)
    if record.in_progress:
        took = now - (record.called or now)
        limit = timedelta(seconds=(node.settings or {}).get("timeout") or 3600)
        if took <= limit + _START:
            return NodeState("busy", f"running for {duration(took.total_seconds())}", record.number)
        return NodeState("none", "no result recorded", record.number)
    if not record.runs:
        return NodeState("bad", "not started", record.number, record.setback)
    level, text = _ENDS.get(record.runs[-1].state, ("none", "finished"))
    return NodeState(level, text, record.number, record.setback if level == "bad" else "")


def _read_round(entry: Entry) -> int | None:
    text = entry.run.round if entry.run else ""
    return int(text) if text.isdigit() else None
