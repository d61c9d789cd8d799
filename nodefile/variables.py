"""The environment variables of a node's container, for the three clouds and for runs on this machine.

The variables of `list_constants` are part of the deployed job. The API keys are references to the cloud's secrets. The
trigger sets the variables of a run (trigger/calls.py repeats their names, because it is deployed without this module).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from nodefile.node import Node

Id = TypeVar("Id")

PUBLIC_ID, SECRET_KEY = "NUMERAI_PUBLIC_ID", "NUMERAI_SECRET_KEY"
RUN_VARIABLES = frozenset({"TRIGGER_ID", "RUN_ID", "ROUND_NUMBER", "IS_TEST", "DATA_VERSION"})
RESERVED = RUN_VARIABLES | {"MODEL_ID", "NODE_NAME", "TOURNAMENT"}
"""Names that `env` in nodes.yaml may not set. The API keys are reserved too."""


def list_constants(node: Node, model_id: Id) -> dict[str, str | Id]:
    """Return the variables that every run of a node has. The model id is a string, or a Pulumi output of one."""
    return {**node.env, "MODEL_ID": model_id, "NODE_NAME": node.title, "TOURNAMENT": node.tournament.value}
