"""Converts resolved nodes to and from plain data for the stack's output `settings`, which records the deployed nodes.

The data is the content of nodes.yaml with defaults merged; nothing in it is secret. `pnodes diff` compares two of them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from nodefile.node import Node
from nodefile.node_file import NodeFile


def dump_settings(node_file: NodeFile) -> dict[str, dict[str, Any]]:
    """Return the settings of each node by its name. Folders are relative to the file; unset keys are left out."""
    folder = node_file.path.absolute().parent
    return {node.name: _dump_node(node, folder) for node in node_file.nodes}


def _dump_node(node: Node, folder: Path) -> dict[str, Any]:
    plain = node.model_dump(mode="json", exclude={"name"}, exclude_none=True)
    paths = {field: Path(os.path.relpath(value, folder)).as_posix() for field, value in node if isinstance(value, Path)}
    return {field: value for field, value in {**plain, **paths}.items() if value not in ({}, [])}


def load_node(name: str, settings: dict[str, Any]) -> Node:
    """Return a node from its settings. Missing keys have their defaults, and folders stay relative.

    Raises pydantic's ValidationError.
    """
    return Node.model_validate({**settings, "name": name})
