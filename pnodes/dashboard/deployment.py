"""The deployed nodes, and functions that query their clouds and Numerai.

`pnodes dashboard` builds a `Deployment` from the stack. Its functions are those that `pnodes status` and `logs` use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pnodes.deployed.history import RoundRecord
from pnodes.deployed.scores import Scores
from pnodes.deployed.stack import StackNode
from providers.operations import NodeOperations


@dataclass(frozen=True)
class Deployment:
    """The nodes by name, and the queries; these may raise OperationsError or Refusal with a message for the user."""

    title: str
    nodes: Mapping[str, StackNode]
    operations: Callable[[str], NodeOperations]
    """Return the operations of a node's cloud, by node name."""
    submissions: Callable[[str], list[dict[str, Any]]]
    """Return a node's submissions at Numerai, newest first, by node name."""
    history: Callable[[str], list[RoundRecord]]
    """Return a node's recorded rounds, newest first, by node name."""
    current_round: Callable[[str], dict[str, Any] | None]
    """Return a tournament's newest round, by tournament."""
    rounds: Callable[[str], list[dict[str, Any]]]
    """Return all rounds of a tournament that Numerai lists, by tournament."""
    scores: Callable[[], Mapping[str, tuple[Scores | None, list[str]]]] = dict
    """Return what Numerai says about each node's model, and the problems of asking it, by node name."""
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    """Values that must never be shown: keys, webhook tokens, secret configuration."""

    @property
    def tournaments(self) -> list[str]:
        """The tournaments of the nodes, sorted."""
        return sorted({node.tournament for node in self.nodes.values()})
