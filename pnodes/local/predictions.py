"""The folder for predictions that were not submitted: `.pnodes/NODE/` next to nodes.yaml, never part of an image."""

from __future__ import annotations

from pathlib import Path

from nodefile import Node
from pnodes.project import make_own_folder


def make_folder(node: Node, nodes_file: Path) -> Path:
    """Return the node's folder; creates it if necessary, with a .gitignore."""
    folder = make_own_folder(nodes_file.absolute().parent) / node.name
    folder.mkdir(exist_ok=True)
    return folder
