"""What the page is about, without saying where it comes from: the deployed nodes and who to ask about them.

`pnodes dashboard` makes one from the stack; each question goes to the same rooms that `pnodes status` and `logs` ask.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from providers.operations import NodeOperations


@dataclass(frozen=True)
class DeployedNode:
    """One node; `settings` is its entry in the stack's output of that name, None where an older `up` wrote none."""

    name: str
    cloud: str
    region: str
    size: str
    tournament: str
    model_id: str
    console: str
    settings: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Deployment:
    """The nodes by name, and the questions: each may raise OperationsError or Refusal, whose text is a sentence."""

    title: str
    nodes: Mapping[str, DeployedNode]
    operations: Callable[[str], NodeOperations]
    """A node's cloud."""
    submissions: Callable[[str], list[dict[str, Any]]]
    """A node's submissions at Numerai, newest first."""
    current_round: Callable[[str], dict[str, Any] | None]
    """A tournament's newest round."""
    rounds: Callable[[str], list[dict[str, Any]]]
    """All rounds of a tournament that Numerai tells of."""
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    """What must never be shown: keys, webhook tokens, secret configuration."""

    @property
    def tournaments(self) -> list[str]:
        """The tournaments of the nodes."""
        return sorted({node.tournament for node in self.nodes.values()})
