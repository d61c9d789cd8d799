"""The example nodes of the nodes.yaml that comes with the project: their models exist only in the sandbox."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from nodefile import yaml_source
from nodefile.node import Node

EXAMPLES = {
    "alpha": "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01",
    "beta": "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c02",
    "gamma": "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c03",
}
"""The names of the example nodes and their models."""


def list_example_models(nodes: Iterable[Node]) -> list[str]:
    """Return the names of the nodes whose model is that of an example."""
    return list(dict.fromkeys(node.title for node in nodes if node.model in EXAMPLES.values()))


def remove_examples(content: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Return the content of a valid nodes.yaml without the example nodes, and their names.

    Removes their lines and changes nothing else. If that is impossible, as in flow style, nothing is removed.
    """
    before = yaml_source.read(content)
    nodes: Mapping[str, Any] = before.value.get("nodes") or {}
    names = tuple(
        name for name, node in nodes.items() if isinstance(node, dict) and node.get("model") == EXAMPLES.get(name)
    )
    lines: list[bytes | None] = list(content.splitlines(keepends=True))
    for name in names:
        key = before.keys["nodes", name]
        lines[key.line - 1] = None
        for index in range(key.line, len(lines)):
            line = lines[index] or b""
            text = line.lstrip(b" ")
            if text.strip() and len(line) - len(text) < key.column:
                break
            lines[index] = None
    after = b"".join(line for line in lines if line is not None)
    wanted = {**before.value, "nodes": {name: node for name, node in nodes.items() if name not in names} or None}
    return (after, names) if names and yaml_source.read(after).value == wanted else (content, ())
