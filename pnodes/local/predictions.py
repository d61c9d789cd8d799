"""The folder for predictions that were not submitted: `.pnodes/NODE/` next to nodes.yaml, never part of an image."""

from __future__ import annotations

from pathlib import Path

from nodefile import Node

FOLDER = ".pnodes"


def make_folder(node: Node, nodes_file: Path) -> Path:
    """Return the node's folder; creates it if necessary, with a .gitignore."""
    base = nodes_file.absolute().parent / FOLDER
    (base / node.name).mkdir(parents=True, exist_ok=True)
    ignore = base / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n")
    return base / node.name
