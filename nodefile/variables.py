"""The variables of a node's container, in one place for the three clouds and for runs on this machine.

Those of `constant` are part of the deployed job, the keys' are references to the cloud's secrets, and those of one run
come from the trigger (trigger/core.py, which is deployed by itself and names them again).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from nodefile.node import Node

Id = TypeVar("Id")

PUBLIC_ID, SECRET_KEY = "NUMERAI_PUBLIC_ID", "NUMERAI_SECRET_KEY"
OF_A_RUN = frozenset({"TRIGGER_ID", "RUN_ID", "ROUND_NUMBER", "IS_TEST", "DATA_VERSION"})
RESERVED = OF_A_RUN | {"MODEL_ID", "NODE_NAME", "TOURNAMENT"}
"""What `env` in nodes.yaml may not set, besides the keys."""


def constant(node: Node, model_id: Id) -> dict[str, str | Id]:
    """What every run of a node has; the model's id as text, or as an output that will be known."""
    return {**node.env, "MODEL_ID": model_id, "NODE_NAME": node.name, "TOURNAMENT": node.tournament.value}
