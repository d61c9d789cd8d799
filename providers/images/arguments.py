"""A node's build as its Dockerfile sees it: the build arguments, and the context that goes with them.

Here is nothing of Pulumi's SDK, which takes its time to load: `pnodes run` builds with the same ones as the clouds do.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from nodefile import Node
from providers.images.context import BuildContext

Value = TypeVar("Value")


def build_arguments(node: Node, model_id: Value) -> dict[str, str | Value]:
    """Build arguments that Dockerfiles written for numerai-cli expect; keys are never among them."""
    return {"SRC_PATH": relative(node.source, node.context), "MODEL_ID": model_id, "NODE": node.name}


def context_of_node(node: Node) -> BuildContext:
    """The files that a node's image is built from. Nothing is read yet."""
    return BuildContext(node.context, node.dockerfile, copied_with(build_arguments(node, "")))


def copied_with(arguments: Mapping[str, Any]) -> dict[str, str | None] | None:
    """What `copied` needs of the build arguments, where the context is shared with others (a parent of the source).

    The model's id may not be known yet, and must then not make another digest than once it is.
    """
    if arguments.get("SRC_PATH", ".") == ".":
        return None
    return {name: None if name == "MODEL_ID" else str(value) for name, value in arguments.items()}


def relative(path: Path, start: Path) -> str:
    """A path as seen from a folder, with forward slashes."""
    return Path(os.path.relpath(path, start)).as_posix()
