"""The outcome of a round for each node, and the table in which the demo shows it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from rich.table import Table

from pnodes.cli.tables import table
from sandbox.cli.control import RunRecord, Submission, Trigger


@dataclass(frozen=True)
class Outcome:
    """One node's part of a round so far."""

    node: str
    cloud: str
    size: str
    trigger: Trigger | None
    run: RunRecord | None
    submission: Submission | None

    @property
    def ok(self) -> bool:
        """Whether the job succeeded and there is a submission with the trigger id of this round's call."""
        return self.run is not None and self.run.state == "SUCCEEDED" and self.submission is not None

    @property
    def settled(self) -> bool:
        """Whether this outcome is final. A submission may appear a moment after its job has succeeded."""
        refused = self.trigger is None or not self.trigger.accepted
        return self.ok or refused or (self.run is not None and self.run.state == "FAILED")

    @property
    def state(self) -> str:
        """The job's state, or why there is no job."""
        if self.trigger is None:
            return "not called"
        if not self.trigger.accepted:
            return f"refused ({self.trigger.status or 'no answer'})"
        return self.run.state if self.run else "waiting"


def match_outcomes(
    nodes: Mapping[str, Mapping[str, Any]],
    triggers: Iterable[Trigger],
    runs: Iterable[RunRecord],
    submissions: Iterable[Submission],
) -> list[Outcome]:
    """Match each node with its webhook call by model id, and the call with its run and submission by trigger id."""
    called = {trigger.model_id: trigger for trigger in triggers}
    started = {run.trigger_id: run for run in runs if run.trigger_id}
    submitted = {(submission.model_id, submission.trigger_id): submission for submission in submissions}
    outcomes = []
    for name, facts in sorted(nodes.items()):
        trigger = called.get(facts["model_id"])
        outcomes.append(
            Outcome(
                node=name,
                cloud=facts["cloud"],
                size=facts["size"],
                trigger=trigger,
                run=started.get(trigger.trigger_id) if trigger else None,
                submission=submitted.get((facts["model_id"], trigger.trigger_id)) if trigger else None,
            )
        )
    return outcomes


def mask_token(webhook: str) -> str:
    """Return a webhook's host and path with `***` for the token, which is in the query or at the path's end."""
    parts = urlsplit(webhook)
    steps = [step for step in parts.path.split("/") if step]
    path = "/".join([*steps[:2], *(["***"] if len(steps) > 2 else [])])
    return f"{parts.netloc}/{path}" + ("?token=***" if parts.query else "")


def build_result_table(outcomes: Sequence[Outcome]) -> Table:
    """Build the table at the end of the demo."""
    headings = ["node", "cloud", "size", "trigger id", "job", "submission", "seconds"]
    rows = []
    for outcome in outcomes:
        seconds = outcome.run.seconds if outcome.run else None
        rows.append(
            [
                outcome.node,
                outcome.cloud,
                outcome.size,
                outcome.trigger.trigger_id[:8] if outcome.trigger else "-",
                outcome.state,
                f"{outcome.submission.rows} rows" if outcome.submission else "none",
                "-" if seconds is None else f"{seconds:.1f}",
            ]
        )
    return table(headings, rows)


def describe_executor(status: Mapping[str, Any]) -> str:
    """Describe the executor in a sandbox's status, with the reason for it."""
    executor = "in containers" if status["executor"] == "container" else "as processes"
    return f"Images are built and jobs run {executor}: {status['executor_reason']}."
