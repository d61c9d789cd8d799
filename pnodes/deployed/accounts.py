"""Opens the cloud accounts of the deployed nodes: each stack, cloud and region in use is signed in to once."""

from __future__ import annotations

import threading

from pnodes.deployed.stack import DeployedStack, StackNode
from providers.clouds import find_cloud
from providers.operations import Account, NodeOperations


class Accounts:
    """The accounts of deployed nodes; safe to use from several threads."""

    def __init__(self, deployed: DeployedStack) -> None:
        self._deployed = deployed
        self._lock = threading.Lock()
        self._locks: dict[tuple[int, str, str], threading.Lock] = {}
        self._accounts: dict[tuple[int, str, str], Account] = {}

    def of(self, node: StackNode) -> NodeOperations:
        """Return the operations of a node. Raises OperationsError."""
        facts = node.facts
        place = (node.stack, facts.cloud, facts.region)
        with self._lock:
            lock = self._locks.setdefault(place, threading.Lock())
        with lock:  # a lock per place, so that one sign-in does not wait for another
            if place not in self._accounts:
                self._accounts[place] = find_cloud(facts.cloud).open_account(
                    self._deployed.configured(node), facts.region
                )
            return self._accounts[place].node(facts)
