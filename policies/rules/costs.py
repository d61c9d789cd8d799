"""Rejects nodes that cost more a month than their ceiling, by the figures of `pnodes cost`.

What a node's rescue costs at rest counts: what it adds to the resources that the nodes of its region share.

The lowest ceiling applies: `cost-ceiling` in the stack's configuration (one for all nodes, or `{"alpha": 20}` for
single nodes) and `usdAMonth` in the rule's configuration. If neither is set, the ceiling is CEILING. The nodes come
from the stack's output `settings`. A node whose machine has no price in the table passes only if no ceiling is set.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from nodefile import Node
from nodefile.rescue import build_rescue
from nodefile.settings import load_node
from pnodes.plan.cost import estimate, estimate_rescue
from policies.resource import Context, Resource

CEILING = 100.0
MINUTES = 10.0
SETTING = "cost-ceiling"
_STACK = "pulumi:pulumi:Stack"


def cost_ceiling(resources: Sequence[Resource], context: Context) -> Iterator[tuple[str, str]]:
    """Check every node of the stack's output `settings`."""
    for stack in (resource for resource in resources if resource.type == _STACK):
        settings = stack.props.get("settings")
        minutes = float(context.config.get("minutes", MINUTES))
        plain = settings if isinstance(settings, Mapping) else {}
        nodes = [load_node(name, dict(plain[name])) for name in sorted(plain)]
        for node in nodes:
            try:
                limit = find_ceiling(node.name, context)
            except ValueError as error:
                yield str(error), stack.urn
                return
            for sentence in check_node(node, nodes, limit, minutes):
                yield sentence, stack.urn


def check_node(node: Node, nodes: Sequence[Node], ceiling: float | None, minutes: float) -> Iterator[str]:
    """Compare the cost of a node and its rescue with its ceiling, which is None if none is set."""
    cost, rescue = estimate(node, minutes * 60), build_rescue(node) if node.rescue else None
    costs = [cost, *([estimate(rescue, minutes * 60)] if rescue else [])]
    limit = CEILING if ceiling is None else ceiling
    for one in costs:
        if one.month is None and ceiling is not None:
            yield f"{one.node}: {one.why}, so its cost cannot be compared with its ceiling of {limit:.2f} USD a month."
    idle = estimate_rescue(rescue, nodes) if rescue else 0.0
    if cost.month is not None and cost.month + idle > limit:
        extra = f", {idle:.2f} for its rescue in {rescue.cloud} {rescue.region}" if rescue else ""
        yield (
            f"{node.name} would cost {cost.month + idle:.2f} USD a month ({cost.size}, {cost.runs_month:.0f} runs of "
            f"{minutes:g} minutes{extra}), but its ceiling is {limit:.2f}: make it smaller, or raise the ceiling."
        )


def find_ceiling(name: str, context: Context) -> float | None:
    """Return the lowest ceiling that is set for a node. Raises ValueError for an invalid setting."""
    ceilings = []
    configured = context.config.get("usdAMonth")
    if configured is not None:
        ceilings.append(float(configured))
    for key, text in context.stack.items():
        if key.rsplit(":", 1)[-1] == SETTING:
            ceilings += _parse_setting(name, text)
    return min(ceilings, default=None)


def _parse_setting(name: str, text: str) -> list[float]:
    try:
        value = json.loads(text)
        if isinstance(value, Mapping):
            return [float(value[name])] if name in value else []
        return [float(value)]
    except (ValueError, TypeError):
        raise ValueError(
            f"the setting {SETTING} is {text!r}: expected USD a month for all nodes, or for one node: "
            f"`pulumi config set --path {SETTING}.alpha 20`."
        ) from None
