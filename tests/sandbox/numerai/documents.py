"""The GraphQL documents in numerapi's source."""

from __future__ import annotations

import ast
import importlib.metadata
from collections.abc import Iterator
from pathlib import Path


def list_documents() -> Iterator[str]:
    """Yield the GraphQL documents in numerapi's source."""
    for file in importlib.metadata.files("numerapi") or []:
        if file.suffix != ".py" or file.parent.name != "numerapi":
            continue
        tree = ast.parse(Path(str(file.locate())).read_text(encoding="utf-8"))
        parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
                text = node.value.strip()
                if text.startswith(("query", "mutation")) and text.endswith("}"):
                    yield text
