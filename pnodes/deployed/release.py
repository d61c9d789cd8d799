"""Which changes of a preview belong to the release of one node.

A preview says which resources would change and whose they are: a node's are those under its component, and its webhook
at Numerai; what belongs to no node (network, keys, build project) is shared. The update then names, one by one, the
node's changes and the shared ones; no resource of another node is touched, not even as a dependent.
"""

from collections.abc import Mapping
from typing import Any

from pnodes.errors import UserError
from pnodes.urn import split_urn

_NOTHING = frozenset({"same", "read", "refresh"})
_ENDS = ("delete", "discard")
_NODE, _WEBHOOK = ":PredictionNode", "prediction-nodes/Webhook:Webhook"


def targets(steps: list[dict[str, Any]], node: str) -> dict[str, str]:
    """URN -> operation of what a release of the node changes. Raises UserError.

    Shared resources are made and updated, never removed: another node may still be deployed on them.
    """
    parents = {step["urn"]: _parent(step) for step in steps}
    found: dict[str, str] = {}
    for step in steps:
        urn, operation = step["urn"], step["op"]
        if operation in _NOTHING or ":pulumi:Stack" in urn:
            continue
        owner = _owner(urn, parents)
        if owner == node or (owner is None and not operation.startswith(_ENDS)):
            found.setdefault(urn, operation)
        elif operation == "create" and split_urn(urn).type.endswith(_NODE):
            raise UserError(
                f"{owner} is new in nodes.yaml as well, and outputs of the stack need it: run `pulumi up` for all, or "
                f"leave {owner} out of the file for now."
            )
    return found


def _owner(urn: str, parents: Mapping[str, str]) -> str | None:
    """The node that a resource belongs to; None for what nodes share."""
    while urn:
        _, kind, name = split_urn(urn)
        if kind.endswith((_NODE, _WEBHOOK)):
            return name
        urn = parents.get(urn, "")
    return None


def _parent(step: Mapping[str, Any]) -> str:
    state = step.get("newState") or step.get("oldState") or {}
    return str(state.get("parent") or "")
