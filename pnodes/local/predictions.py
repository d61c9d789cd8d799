"""Where predictions are kept that were not submitted: `.pnodes/NODE/` beside nodes.yaml, never part of an image."""

from __future__ import annotations

from pathlib import Path

from nodefile import Node

FOLDER = ".pnodes"


def folder_of(node: Node, nodes_file: Path) -> Path:
    """The node's folder, made if need be; git leaves it alone."""
    base = nodes_file.absolute().parent / FOLDER
    (base / node.name).mkdir(parents=True, exist_ok=True)
    ignore = base / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n")
    return base / node.name


def present(folder: Path) -> set[Path]:
    """The files of predictions that are there."""
    return set(folder.glob("predictions-*"))
