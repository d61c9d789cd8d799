"""From the resolved nodes to resources: one cluster per cloud and region, then one prediction node per entry.

Only the packages of the clouds in use are imported, so a nodes.yaml that uses one cloud needs neither the SDK nor the
configuration of the others.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nodefile import Node
    from providers.contract import PredictionNode, Stack


def register(nodes: Sequence[Node], stack: Stack) -> dict[str, PredictionNode]:
    """Register every node's resources and those of the clusters they need; returns the nodes by name."""
    regions: dict[tuple[str, str], list[Node]] = {}
    for node in nodes:
        regions.setdefault((node.cloud.value, node.region), []).append(node)
    built: dict[str, PredictionNode] = {}
    for (cloud, region), members in sorted(regions.items()):
        cluster_module = importlib.import_module(f"providers.{cloud}.cluster")
        node_module = importlib.import_module(f"providers.{cloud}.node")
        cluster = cluster_module.Cluster(region, members, stack)
        for node in members:
            built[node.name] = node_module.PredictionNode(node, cluster, stack)
    return built
