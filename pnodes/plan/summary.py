"""Summarises a plan by node: which nodes are added, removed or changed, how, and the monthly cost before and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nodefile.keys import Key
from nodefile.node import FIELDS, KEYS, Node
from nodefile.rescue import RescueNode, add_rescues
from nodefile.settings import load_node
from pnodes.plan.cost import estimate, estimate_shared
from pnodes.plan.preview import Plan
from pnodes.wording import usd

ADDED, REMOVED, CHANGED = "added", "removed", "changed"
Settings = Mapping[str, dict[str, Any]]
"""The settings of nodes by name, as in the stack's output `settings`."""


@dataclass(frozen=True)
class NodeChange:
    """An added, removed or changed node; `details` are short texts such as `size: mem-md -> mem-lg`."""

    node: str
    kind: str
    details: tuple[str, ...]
    image: bool
    month_before: float | None
    month_after: float | None


@dataclass(frozen=True)
class Summary:
    """All nodes that change, and the stack's monthly cost in USD (runs of `minutes`; None if a price is unknown)."""

    nodes: tuple[NodeChange, ...]
    month_before: float | None
    month_after: float | None
    minutes: float
    operations: Mapping[str, int]

    @property
    def others(self) -> tuple[float | None, float | None]:
        """The cost before and after of unchanged nodes and shared resources: what the nodes' figures, as they are
        shown, leave of the total."""
        return (
            _subtract(self.month_before, [node.month_before for node in self.nodes]),
            _subtract(self.month_after, [node.month_after for node in self.nodes]),
        )


def summarise(plan: Plan, deployed: Settings, wanted: Settings, minutes: float) -> Summary:
    """Compare the deployed settings with those of nodes.yaml; `minutes` is the duration of a run."""
    before, after = _nodes(deployed), _nodes(wanted)
    renamed = _find_renamed(before, after)
    changes = []
    for name in sorted((before.keys() | after.keys()) - set(renamed.values())):
        old, new = before.get(renamed.get(name, name)), after.get(name)
        costs = _month(old, minutes), _month(new, minutes)
        image = name in plan.images and new is not None
        if old is None and new is not None:
            changes.append(NodeChange(name, ADDED, _introduction(new), image, *costs))
        elif new is None and old is not None:
            changes.append(NodeChange(name, REMOVED, _introduction(old), False, *costs))
        elif old is not None and new is not None:
            details = [f"name: {old.name} -> {name}"] if name in renamed else []
            details += _differences(old, new)
            if image:
                details.append("image will be rebuilt")
            if name in plan.webhooks and not details:
                details.append("webhook at Numerai will be set again")
            if details:
                changes.append(NodeChange(name, CHANGED, tuple(details), image, *costs))
    return Summary(
        tuple(changes), _total(list(before.values()), minutes), _total(list(after.values()), minutes), minutes,
        plan.operations,
    )  # fmt: skip


def _nodes(settings: Settings) -> dict[str, Node]:
    nodes = add_rescues(load_node(name, plain) for name, plain in settings.items())
    return {node.name: node for node in nodes}


def _find_renamed(before: Mapping[str, Node], after: Mapping[str, Node]) -> dict[str, str]:
    """Return new name -> old name of each node that runs the model of a node that is no longer there."""
    old = {_identify(node): name for name, node in before.items() if name not in after}
    new = {name: _identify(node) for name, node in after.items() if name not in before}
    return {name: old[model] for name, model in new.items() if model in old}


def _identify(node: Node) -> tuple[object, ...]:
    return node.model, node.tournament, node.account, isinstance(node, RescueNode)


def _month(node: Node | None, minutes: float) -> float | None:
    return 0.0 if node is None else estimate(node, minutes * 60).month


def _total(nodes: Sequence[Node], minutes: float) -> float | None:
    months = [estimate(node, minutes * 60).month for node in nodes]
    if any(month is None for month in months):
        return None
    return sum(month for month in months if month is not None) + sum(cost.month for cost in estimate_shared(nodes))


def _subtract(total: float | None, parts: Sequence[float | None]) -> float | None:
    if total is None or None in parts:
        return None
    return max(0.0, float(usd(total)) - sum(float(usd(part)) for part in parts))


def _introduction(node: Node) -> tuple[str, ...]:
    """Return the place, size, tournament and rights of an added or removed node."""
    rights = (f"rights of {', '.join(node.rights)}",) if node.rights else ()
    return (f"{node.cloud} {node.region}", str(node.size), str(node.tournament), *rights)


def _differences(old: Node, new: Node) -> list[str]:
    """Return a line for each key of nodes.yaml whose value changes."""
    lines = []
    for name, key in sorted(KEYS.items()):
        was, now = getattr(old, FIELDS[name]), getattr(new, FIELDS[name])
        if was != now:
            change = _names(was, now) if key.names_only else f"{_text(key, was)} -> {_text(key, now)}"
            lines.append(f"{name}: {change}")
    return lines


def _names(was: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Return the names that differ as +NEW, -OLD, ~CHANGED."""
    names = [name for name in sorted(was.keys() | now.keys()) if was.get(name) != now.get(name)]
    return ", ".join(f"{'+' if name not in was else '-' if name not in now else '~'}{name}" for name in names)


def _text(key: Key, value: Any) -> str:
    return "none" if value is None else key.show(value)
