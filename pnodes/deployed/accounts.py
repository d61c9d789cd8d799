"""Which cloud's module answers for a node: imported, and signed in, once for each cloud and region in use."""

from __future__ import annotations

import importlib
import threading
from typing import Protocol

from providers.operations import Configured, NodeFacts, NodeOperations


class Account(Protocol):
    """What each cloud's module calls Account."""

    def node(self, facts: NodeFacts) -> NodeOperations:
        """A node's operations."""


class Accounts:
    """The stack's accounts; safe to use from several threads."""

    def __init__(self, configured: Configured) -> None:
        self._configured = configured
        self._lock = threading.Lock()
        self._locks: dict[tuple[str, str], threading.Lock] = {}
        self._known: dict[tuple[str, str], Account] = {}

    def of(self, facts: NodeFacts) -> NodeOperations:
        """A node's operations. Raises OperationsError."""
        place = (facts.cloud, facts.region)
        with self._lock:
            lock = self._locks.setdefault(place, threading.Lock())
        with lock:  # one cloud's sign-in does not wait for another's
            if place not in self._known:
                module = importlib.import_module(f"providers.{facts.cloud}.operations")
                self._known[place] = module.Account(self._configured, facts.region)
            return self._known[place].node(facts)
