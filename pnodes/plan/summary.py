"""A plan in the nodes' own terms: which are added, removed, changed and how, and what a month costs then and now."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nodefile.model import Node
from nodefile.settings import restored
from pnodes.plan.cost import Estimate, estimate, shared
from pnodes.plan.preview import Plan, Settings

ADDED, REMOVED, CHANGED = "added", "removed", "changed"
# A variable's value may be long or say more than a reviewer's comment should: its name says enough.
_NAMES_ONLY = frozenset({"env", "tags"})
_SPELLED = {"register_webhook": "register"}
_HIDDEN = frozenset({"dockerfile"})


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
        old, new = plan.before.get(name), wanted.get(name)
        costs = _month(before.get(name), minutes), _month(after.get(name), minutes)
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
    return {name: restored(name, plain) for name, plain in settings.items()}


def _month(node: Node | None, minutes: float) -> float | None:
    return 0.0 if node is None else estimate(node, minutes * 60).month


def _total(nodes: Sequence[Node], minutes: float) -> float | None:
    found: list[Estimate] = [estimate(node, minutes * 60) for node in nodes]
    months = [one.month for one in found]
    if any(month is None for month in months):
        return None
    return sum(month for month in months if month is not None) + sum(one.month for one in shared(nodes))


def _introduced(plain: Mapping[str, Any]) -> tuple[str, ...]:
    """Where a node is or was, and of which size."""
    return (f"{plain['cloud']} {plain['region']}", _text("size", plain.get("size")), str(plain["tournament"]))


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    found = []
    for key in sorted(old.keys() | new.keys()):
        was, now = old.get(key), new.get(key)
        if key in _HIDDEN or was == now:
            continue
        if key in _NAMES_ONLY:
            found.append(f"{key}: {', '.join(_named(was or {}, now or {}))}")
        else:
            found.append(f"{_SPELLED.get(key, key)}: {_text(key, was)} -> {_text(key, now)}")
    return found


def _named(was: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """+NEW, -OLD, ~CHANGED."""
    names = sorted(was.keys() | now.keys())
    signs = {name: "+" if name not in was else "-" if name not in now else "~" for name in names}
    return [f"{signs[name]}{name}" for name in names if was.get(name) != now.get(name)]


def _text(key: str, value: Any) -> str:
    if value is None:
        return "none"
    if key == "size":
        return str(value.get("preset") or f"{value['cpu']:g} vCPU / {value['memory'] / 1024:g} GiB")
    if key == "timeout":
        return f"{value / 60:g}m"
    if key == "disk":
        return f"{value:g} GiB"
    if key == "schedule":
        return f"{value['cron']} {value['timezone']}"
    if key == "command":
        return " ".join(value)
    return value if isinstance(value, str) else json.dumps(value)
