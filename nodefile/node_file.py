"""The nodes of a nodes.yaml, and where each of their values is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from nodefile.node import Node
from nodefile.problems import NodeFileError, Position, Problem, escape_unprintable, join_words
from nodefile.rescue import add_rescues
from nodefile.yaml_source import Document


@dataclass(frozen=True)
class NodeFile:
    """The nodes of a file, and their positions in it."""

    path: Path
    nodes: tuple[Node, ...]
    document: Document
    stacks: tuple[str, ...] = ()
    """The stacks that divide the nodes; empty if one stack has all nodes."""
    owners: Mapping[str, str] = field(default_factory=dict)
    """Node -> its stack, if there are `stacks`."""

    @property
    def with_rescues(self) -> tuple[Node, ...]:
        """The nodes and their rescues: everything that is deployed."""
        return add_rescues(self.nodes)

    def select(self, stack: str) -> NodeFile:
        """Return the file with one stack's nodes only. Raises NodeFileError if `stacks` does not name the stack."""
        if not self.stacks:
            return self
        if stack not in self.stacks:
            position = self.document.locate_key(("stacks",))
            message = f"`stacks` has no stack {stack}; it has {join_words(list(self.stacks), 'and')}."
            raise NodeFileError([Problem(self.path.name, position.line, position.column, message)])
        return replace(self, nodes=tuple(node for node in self.nodes if self.owners.get(node.name) == stack))

    def problem(self, node: str, field: str | None, message: str) -> Problem:
        """Return a problem at the position of a node's field, for mistakes that others find (a cloud's limits)."""
        position = locate(self.document, node, field)
        return Problem(self.path.name, position.line, position.column, escape_unprintable(message))


def locate(document: Document, node: str, key: str | None) -> Position:
    """Return the position of a key's value: in the node, else in `defaults`, else of the node's name."""
    for path in (("nodes", node, key), ("defaults", key)) if key else ():
        if path in document.values:
            return document.values[path]
    return document.locate_key(("nodes", node))
