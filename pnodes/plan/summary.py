"""A plan in the nodes' own terms: which are added, removed, changed and how, and what a month costs then and now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nodefile.keys import Key
from nodefile.node import FIELDS, KEYS, Node
from nodefile.settings import load_node
from pnodes.plan.cost import Estimate, estimate, shared
from pnodes.plan.preview import Plan, Settings

ADDED, REMOVED, CHANGED = "added", "removed", "changed"


@dataclass(frozen=True)
class NodeChange:
    """One node: added, removed or changed; `details` are short texts such as `size: mem-md -> mem-lg`."""

    node: str
    kind: str
    details: tuple[str, ...]
    image: bool
    month_before: float | None
    month_after: float | None


@dataclass(frozen=True)
class Summary:
    """All nodes that change, and USD a month of the whole stack (runs of `minutes`; None: a price is not known)."""

    nodes: tuple[NodeChange, ...]
    month_before: float | None
    month_after: float | None
    minutes: float
    operations: Mapping[str, int]


def summarise(plan: Plan, wanted: Settings, minutes: float) -> Summary:
    """The summary of a plan for the settings of nodes.yaml; `minutes` is how long a run takes."""
    before, after = _nodes(plan.before), _nodes(wanted)
    changed = []
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        costs = _month(old, minutes), _month(new, minutes)
        image = name in plan.images and new is not None
        if old is None and new is not None:
            changed.append(NodeChange(name, ADDED, _introduced(new), image, *costs))
        elif new is None and old is not None:
            changed.append(NodeChange(name, REMOVED, _introduced(old), False, *costs))
        elif old is not None and new is not None:
            details = _differences(old, new)
            if image:
                details.append("image will be rebuilt")
            if name in plan.webhooks and not details:
                details.append("webhook at Numerai will be set again")
            if details:
                changed.append(NodeChange(name, CHANGED, tuple(details), image, *costs))
    return Summary(
        tuple(changed), _total(list(before.values()), minutes), _total(list(after.values()), minutes), minutes,
        plan.operations,
    )  # fmt: skip


def _nodes(settings: Settings) -> dict[str, Node]:
    return {name: load_node(name, plain) for name, plain in settings.items()}


def _month(node: Node | None, minutes: float) -> float | None:
    return 0.0 if node is None else estimate(node, minutes * 60).month


def _total(nodes: Sequence[Node], minutes: float) -> float | None:
    found: list[Estimate] = [estimate(node, minutes * 60) for node in nodes]
    months = [one.month for one in found]
    if any(month is None for month in months):
        return None
    return sum(month for month in months if month is not None) + sum(one.month for one in shared(nodes))


def _introduced(node: Node) -> tuple[str, ...]:
    """Where a node is or was, and of which size."""
    return (f"{node.cloud} {node.region}", str(node.size), str(node.tournament))


def _differences(old: Node, new: Node) -> list[str]:
    """A line for each key of nodes.yaml whose value changes."""
    lines = []
    for name, key in sorted(KEYS.items()):
        was, now = getattr(old, FIELDS[name]), getattr(new, FIELDS[name])
        if was != now:
            change = _names(was, now) if key.names_only else f"{_text(key, was)} -> {_text(key, now)}"
            lines.append(f"{name}: {change}")
    return lines


def _names(was: Mapping[str, str], now: Mapping[str, str]) -> str:
    """+NEW, -OLD, ~CHANGED."""
    names = [name for name in sorted(was.keys() | now.keys()) if was.get(name) != now.get(name)]
    return ", ".join(f"{'+' if name not in was else '-' if name not in now else '~'}{name}" for name in names)


def _text(key: Key, value: Any) -> str:
    return "none" if value is None else key.show(value)
