"""What runs have cost so far: each run's time at list prices. An estimate, and the page says so.

Only runs that their cloud still lists are counted (AWS Batch forgets them after a week or so), at the size and the
prices of today.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from nodefile import Node
from nodefile.settings import load_node
from pnodes.dashboard.deployment import DeployedNode, Deployment
from pnodes.plan.cost import estimate, shared
from providers.clouds import find_cloud
from providers.operations import Run
from providers.prices import AS_OF

__all__ = ["AS_OF", "Spent", "rest", "spent"]


@dataclass(frozen=True)
class Spent:
    """USD for the runs since `since`; None with `why` where there is no price."""

    usd: float | None
    runs: int
    since: datetime | None
    why: str = ""


def spent(node: DeployedNode, runs: Iterable[Run]) -> Spent:
    """A node's runs, those that are still under way counted until now."""
    counted = [run for run in runs if run.seconds is not None]
    since = min((run.created for run in counted), default=None)
    full = _node(node.name, node.settings)
    if full is None:
        return Spent(None, len(counted), since, "the stack does not say how the node is set up; run `pulumi up` once")
    # How many runs a schedule makes in a month is costly to count, and changes nothing about one run.
    full = full.model_copy(update={"schedule": None})
    total = 0.0
    for run in counted:
        one = estimate(full, max(run.seconds or 0.0, 0.0))
        if one.run is None:
            return Spent(None, len(counted), since, one.why)
        total += one.run
    return Spent(total, len(counted), since)


def rest(deployment: Deployment) -> float | None:
    """USD a month for what is there between the runs, of all nodes; None where one is not known."""
    nodes = [_node(name, node.settings) for name, node in deployment.nodes.items()]
    known = [node for node in nodes if node is not None]
    if len(known) < len(nodes):
        return None
    schedules = sum(find_cloud(node.cloud).prices.schedule_month for node in known if node.schedule)
    return schedules + sum(one.month for one in shared(known))


def _node(name: str, settings: Mapping[str, Any] | None) -> Node | None:
    try:
        return load_node(name, dict(settings)) if settings else None
    except ValidationError:
        return None  # written by another version of this project
