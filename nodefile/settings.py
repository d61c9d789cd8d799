"""The resolved nodes as plain data, for the stack's output `settings`: what was deployed, in nodes.yaml's own terms.

Nothing in it is secret: it is what the file says, defaults merged. `pnodes diff` compares two of them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from nodefile.node import Node
from nodefile.parse import NodeFile


def settings(found: NodeFile) -> dict[str, dict[str, Any]]:
    """By node name; folders are relative to the file, what is not set is left out."""
    folder = found.path.absolute().parent
    return {node.name: _plain(node, folder) for node in found.nodes}


def _plain(node: Node, folder: Path) -> dict[str, Any]:
    plain = node.model_dump(mode="json", exclude={"name"}, exclude_none=True)
    paths = {field: Path(os.path.relpath(value, folder)).as_posix() for field, value in node if isinstance(value, Path)}
    return {field: value for field, value in {**plain, **paths}.items() if value not in ({}, [])}


def restored(name: str, plain: dict[str, Any]) -> Node:
    """A node from its settings, with folders as they stand there; keys that the settings lack have their defaults.
    Raises pydantic's ValidationError."""
    return Node.model_validate({**plain, "name": name})
