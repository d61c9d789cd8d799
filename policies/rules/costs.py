"""Rejects nodes that cost more a month than their ceiling, by the figures of `pnodes cost`.

The lowest ceiling applies: `cost-ceiling` in the stack's configuration (one for all nodes, or `{"alpha": 20}` for
single nodes) and `usdAMonth` in the rule's configuration. If neither is set, the ceiling is CEILING. The nodes come
from the stack's output `settings`. A node whose machine has no price in the table passes only if no ceiling is set.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nodefile.settings import load_node
from pnodes.plan.cost import estimate
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
        for name, plain in sorted(settings.items()) if isinstance(settings, Mapping) else []:
            try:
                limit = find_ceiling(name, context)
            except ValueError as error:
                yield str(error), stack.urn
                return
            for sentence in check_node(name, plain, limit, minutes):
                yield sentence, stack.urn


def check_node(name: str, plain: Mapping[str, Any], ceiling: float | None, minutes: float) -> Iterator[str]:
    """Compare a node's cost with its ceiling, which is None if none is set."""
    cost = estimate(load_node(name, dict(plain)), minutes * 60)
    limit = CEILING if ceiling is None else ceiling
    if cost.month is None:
        if ceiling is not None:
            yield f"{name}: {cost.why}, so its cost cannot be compared with its ceiling of {limit:.2f} USD a month."
    elif cost.month > limit:
        yield (
            f"{name} would cost {cost.month:.2f} USD a month ({cost.size}, {cost.runs_month:.0f} runs of "
            f"{minutes:g} minutes), but its ceiling is {limit:.2f}: make it smaller, or raise the ceiling."
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
