"""What a round has come to, node by node: the demo's verdict, and the table that shows it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from rich.table import Table

from pnodes.cli.tables import table
from sandbox.cli.control import RunRecord, Submission, Trigger


@dataclass(frozen=True)
class Outcome:
    """One node's part of a round, as far as it is known."""

    node: str
    cloud: str
    size: str
    webhook: str
    trigger: Trigger | None
    run: RunRecord | None
    submission: Submission | None

    @property
    def ok(self) -> bool:
        """A job that ended well, and a submission with the id of this round's call."""
        return self.run is not None and self.run.state == "SUCCEEDED" and self.submission is not None

    @property
    def settled(self) -> bool:
        """Whether waiting longer can change nothing; a submission may be a moment behind its job."""
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


def outcomes(
    nodes: Mapping[str, Mapping[str, Any]],
    webhooks: Mapping[str, str],
    triggers: Iterable[Trigger],
    runs: Iterable[RunRecord],
    submissions: Iterable[Submission],
) -> list[Outcome]:
    """Puts together what belongs together: calls by model, runs and submissions by the call's trigger id."""
    called = {trigger.model_id: trigger for trigger in triggers}
    started = {run.trigger_id: run for run in runs if run.trigger_id}
    arrived = {(each.model_id, each.trigger_id): each for each in submissions}
    found = []
    for name, facts in sorted(nodes.items()):
        trigger = called.get(facts["model_id"])
        found.append(
            Outcome(
                node=name,
                cloud=facts["cloud"],
                size=facts["size"],
                webhook=masked(webhooks.get(name, "")),
                trigger=trigger,
                run=started.get(trigger.trigger_id) if trigger else None,
                submission=arrived.get((facts["model_id"], trigger.trigger_id)) if trigger else None,
            )
        )
    return found


def masked(webhook: str) -> str:
    """Host and path; the token is a secret, whether it is in the query or ends the path."""
    parts = urlsplit(webhook)
    steps = [step for step in parts.path.split("/") if step]
    path = "/".join([*steps[:2], *(["***"] if len(steps) > 2 else [])])
    return f"{parts.netloc}/{path}" + ("?token=***" if parts.query else "")


def result_table(found: Sequence[Outcome]) -> Table:
    """The table at the end of the demo."""
    headings = ["node", "cloud", "size", "webhook", "trigger id", "job", "submission", "seconds"]
    rows = []
    for each in found:
        seconds = each.run.seconds if each.run else None
        rows.append(
            [
                each.node,
                each.cloud,
                each.size,
                each.webhook,
                each.trigger.trigger_id if each.trigger else "-",
                each.state,
                f"{each.submission.rows} rows" if each.submission else "none",
                "-" if seconds is None else f"{seconds:.1f}",
            ]
        )
    return table(headings, rows)


def how_jobs_run(facts: Mapping[str, Any]) -> str:
    """A sandbox's status -> which executor it has, and why."""
    where = "in containers" if facts["executor"] == "container" else "as processes"
    return f"Images are built and jobs run {where}: {facts['executor_reason']}."
