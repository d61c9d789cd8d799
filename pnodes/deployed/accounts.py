"""Which cloud's module answers for a node: imported, and signed in, once for each cloud and region in use."""

from __future__ import annotations

import threading

from providers.clouds import find_cloud
from providers.operations import Account, Configured, NodeFacts, NodeOperations


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
                self._known[place] = find_cloud(facts.cloud).open_account(self._configured, facts.region)
            return self._known[place].node(facts)
