"""Estimate the cost of the runs so far: each run's duration at list prices.

Only runs that the cloud still lists count (AWS Batch forgets them after about a week), at today's size and prices.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from nodefile import Node
from nodefile.rescue import build_rescue
from nodefile.settings import load_node
from pnodes.deployed.history import EndedRun
from pnodes.deployed.stack import StackNode
from pnodes.plan.cost import estimate, estimate_shared
from providers.clouds import find_cloud
from providers.operations import Run


@dataclass(frozen=True)
class Spent:
    """The cost in USD of the runs since `since`; None, with the reason in `why`, if there is no price."""

    usd: float | None
    runs: int
    since: datetime | None
    why: str = ""


def estimate_spending(node: StackNode, runs: Iterable[Run | EndedRun]) -> Spent:
    """Estimate the cost of a node's runs; runs in progress count until now."""
    counted = [run for run in runs if run.seconds is not None]
    since = min((run.created for run in counted), default=None)
    full = _restore_node(node)
    if full is None:
        return Spent(None, len(counted), since, "the stack does not say how the node is set up; run `pulumi up` once")
    # Counting the runs of a schedule in a month is slow, and does not affect the cost of one run.
    full = full.model_copy(update={"schedule": None})
    total = 0.0
    for run in counted:
        cost = estimate(full, max(run.seconds or 0.0, 0.0))
        if cost.run is None:
            return Spent(None, len(counted), since, cost.why)
        total += cost.run
    return Spent(total, len(counted), since)


def estimate_idle_month(stack_nodes: Mapping[str, StackNode]) -> float | None:
    """Estimate the monthly cost in USD of all nodes without any run; None if the settings of a node are not known."""
    restored_nodes = [_restore_node(node) for node in stack_nodes.values()]
    nodes = [node for node in restored_nodes if node is not None]
    if len(nodes) < len(restored_nodes):
        return None
    schedules = sum(find_cloud(node.cloud).prices.schedule_month for node in nodes if node.schedule)
    return schedules + sum(one.month for one in estimate_shared(nodes))


def _restore_node(node: StackNode) -> Node | None:
    try:
        full = load_node(node.rescues or node.name, dict(node.settings)) if node.settings else None
        return build_rescue(full) if full and node.rescues else full
    except ValidationError:
        return None  # written by another version of this project
