"""A node whose source is a pickle, in the current folder."""

from __future__ import annotations

from pathlib import Path

from nodefile import Node, load
from tests.nodefile.pickled import write

ID = "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01"


def pickled_node(version: str = "3.12", name: str = "ranked", rest: str = "", cloud: str = "aws") -> Node:
    """Write a pickle of this Python version and a nodes.yaml with its node, and return the node."""
    write(Path("model.pkl"), version, name)
    Path("nodes.yaml").write_text(
        f"nodes:\n  alpha:\n    model: {ID}\n    cloud: {cloud}\n    pickle: model.pkl\n{rest}"
    )
    return load("nodes.yaml").nodes[0]
