"""Selects the changes of a preview that belong to the release of one node.

A node owns the resources under its component and that of its rescue, and its webhook at Numerai. Resources without such
an owner (network, keys, build project) are shared. A release updates exactly the changed resources of the node and the
changed shared ones; it touches no resource of another node, not even as a dependent.
"""

from collections.abc import Mapping
from typing import Any

from nodefile.rescue import ENDING
from pnodes.errors import UserError
from pnodes.urn import split_urn

_NOTHING = frozenset({"same", "read", "refresh"})
_ENDS = ("delete", "discard")
_NODE, _WEBHOOK = ":PredictionNode", "prediction-nodes/Webhook:Webhook"


def find_targets(steps: list[dict[str, Any]], node: str) -> dict[str, str]:
    """Return URN -> operation for each change in the node's release. Raises UserError.

    Shared resources are created and updated, never removed: a deployed node may still need them.
    """
    parents = {step["urn"]: _parent(step) for step in steps}
    targets: dict[str, str] = {}
    for step in steps:
        urn, operation = step["urn"], step["op"]
        if operation in _NOTHING or ":pulumi:Stack" in urn:
            continue
        owner = _owner(urn, parents)
        if owner in (node, f"{node}{ENDING}") or (owner is None and not operation.startswith(_ENDS)):
            targets.setdefault(urn, operation)
        elif operation == "create" and split_urn(urn).type.endswith(_NODE):
            raise UserError(
                f"{owner} is also new in nodes.yaml, and outputs of the stack need it: run `pulumi up` for all nodes, "
                f"or leave {owner} out of the file for now."
            )
    return targets


def _owner(urn: str, parents: Mapping[str, str]) -> str | None:
    """Return the node that a resource belongs to; None for a shared resource."""
    while urn:
        _, kind, name = split_urn(urn)
        if kind.endswith((_NODE, _WEBHOOK)):
            return name
        urn = parents.get(urn, "")
    return None


def _parent(step: Mapping[str, Any]) -> str:
    state = step.get("newState") or step.get("oldState") or {}
    return str(state.get("parent") or "")
