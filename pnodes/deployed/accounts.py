"""Opens the cloud accounts of the stack's nodes: each cloud and region in use is imported and signed in to once."""

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
        self._accounts: dict[tuple[str, str], Account] = {}

    def of(self, facts: NodeFacts) -> NodeOperations:
        """Return the operations of a node. Raises OperationsError."""
        place = (facts.cloud, facts.region)
        with self._lock:
            lock = self._locks.setdefault(place, threading.Lock())
        with lock:  # a lock per place, so that one sign-in does not wait for another
            if place not in self._accounts:
                self._accounts[place] = find_cloud(facts.cloud).open_account(self._configured, facts.region)
            return self._accounts[place].node(facts)
