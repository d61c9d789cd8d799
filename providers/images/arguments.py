"""The build arguments and the build context of a node.

This module does not import Pulumi's SDK, which is slow to load, because `pnodes run` uses it too.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from nodefile import Node
from providers.images.context import BuildContext
from providers.images.pickled import write_context

Value = TypeVar("Value")


def build_arguments(node: Node, model_id: Value) -> dict[str, str | Value]:
    """Return the build arguments that Dockerfiles for numerai-cli expect. API keys are never among them."""
    return {"SRC_PATH": make_relative(node.source, node.context), "MODEL_ID": model_id, "NODE": node.title}


def make_context(node: Node) -> BuildContext:
    """Return the build context of a node; a pickle's is generated first. No file of a source folder is read yet.

    Raises ContextError.
    """
    if node.pickle is not None:
        write_context(node)
    return BuildContext(node.context, node.dockerfile, select_arguments(build_arguments(node, "")))


def select_arguments(arguments: Mapping[str, Any]) -> dict[str, str | None] | None:
    """Return the build arguments for `copied` if the context is a parent of the source, which nodes can share.

    MODEL_ID is None, because the id may not be known yet and must not change the digest.
    """
    if arguments.get("SRC_PATH", ".") == ".":
        return None
    return {name: None if name == "MODEL_ID" else str(value) for name, value in arguments.items()}


def make_relative(path: Path, start: Path) -> str:
    """Return a path relative to a folder, with forward slashes."""
    return Path(os.path.relpath(path, start)).as_posix()
