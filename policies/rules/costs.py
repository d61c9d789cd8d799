"""A node costs no more a month than its ceiling, by the figures of `pnodes cost`.

The lowest of what is set counts: `cost-ceiling` of the stack's own settings (one for all nodes, or `{"alpha": 20}` for
each) and `usdAMonth` of the rule's configuration; CEILING where neither is. What nodes are comes from the stack's
output `settings`. A node on a machine without a price in the table has no figure: it passes only where no ceiling was
set.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nodefile.settings import load_node
from pnodes.plan.cost import estimate
from policies.resource import Given, Resource

CEILING = 100.0
MINUTES = 10.0
SETTING = "cost-ceiling"
_STACK = "pulumi:pulumi:Stack"


def cost_ceiling(resources: Sequence[Resource], given: Given) -> Iterator[tuple[str, str]]:
    """Every node of the stack's `settings`."""
    for stack in (each for each in resources if each.type == _STACK):
        settings = stack.props.get("settings")
        minutes = float(given.config.get("minutes", MINUTES))
        for name, plain in sorted(settings.items()) if isinstance(settings, Mapping) else []:
            try:
                limit = ceiling(name, given)
            except ValueError as error:
                yield str(error), stack.urn
                return
            for sentence in node(name, plain, limit, minutes):
                yield sentence, stack.urn


def node(name: str, plain: Mapping[str, Any], set_: float | None, minutes: float) -> Iterator[str]:
    """What is wrong with one node's cost; `set_` is its ceiling, None where nobody set one."""
    found = estimate(load_node(name, dict(plain)), minutes * 60)
    limit = CEILING if set_ is None else set_
    if found.month is None:
        if set_ is not None:
            yield f"{name}: {found.why}, so its cost cannot be held against its ceiling of {limit:.2f} USD a month."
    elif found.month > limit:
        yield (
            f"{name} would cost {found.month:.2f} USD a month ({found.size}, {found.runs_month:.0f} runs of "
            f"{minutes:g} minutes), and its ceiling is {limit:.2f}: make it smaller, or raise the ceiling."
        )


def ceiling(name: str, given: Given) -> float | None:
    """The lowest ceiling that is set for a node. Raises ValueError for a setting that is none."""
    found = []
    configured = given.config.get("usdAMonth")
    if configured is not None:
        found.append(float(configured))
    for key, text in given.stack.items():
        if key.rsplit(":", 1)[-1] == SETTING:
            found += _read(name, text)
    return min(found, default=None)


def _read(name: str, text: str) -> list[float]:
    try:
        value = json.loads(text)
        if isinstance(value, Mapping):
            return [float(value[name])] if name in value else []
        return [float(value)]
    except (ValueError, TypeError):
        raise ValueError(
            f"the setting {SETTING} is {text!r}: expected USD a month, or for each node: "
            f"`pulumi config set --path {SETTING}.alpha 20`."
        ) from None
