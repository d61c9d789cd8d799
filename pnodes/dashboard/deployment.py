"""The deployed nodes, and functions that query their clouds and Numerai.

`pnodes dashboard` builds a `Deployment` from the stack.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pnodes.deployed.history import RoundRecord
from pnodes.deployed.scores import Scores
from pnodes.deployed.stack import StackNode
from providers.operations import NodeOperations, OperationsError

Records = Mapping[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Deployment:
    """The nodes by name, and the queries; these may raise OperationsError or Refusal with a message for the user."""

    title: str
    nodes: Mapping[str, StackNode]
    operations: Callable[[str], NodeOperations]
    """Return the operations of a node's cloud, by node name."""
    survey: Callable[[Sequence[str], Sequence[str]], tuple[Records, Records]]
    """Return the submissions, newest first, of nodes of one account by node name, and all rounds of tournaments by
    tournament, with one request."""
    history: Callable[[Sequence[str], int | None], Mapping[str, list[RoundRecord] | OperationsError]]
    """Return the recorded rounds of nodes of one region, or only the last ones, newest first, by node name, with one
    request."""
    scores: Callable[[], Mapping[str, tuple[Scores | None, list[str]]]] = dict
    """Return what Numerai says about each node's model, and the problems of asking it, by node name."""
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    """Values that must never be shown: keys, webhook tokens, secret configuration."""

    @property
    def tournaments(self) -> list[str]:
        """The tournaments of the nodes, sorted."""
        return sorted({node.tournament for node in self.nodes.values()})
