"""The registry of clouds. Imports a cloud's implementation on first use."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from nodefile.clouds import REGIONS
from nodefile.rescue import find_partner
from providers.cloud import Cloud

if TYPE_CHECKING:
    from nodefile import Node
    from providers.component import PredictionNode, Stack


def find_cloud(name: str) -> Cloud:
    """Return the cloud with this name: `CLOUD` in providers/<name>/cloud.py. Raises KeyError for an unknown name."""
    if name not in REGIONS:
        raise KeyError(name)
    cloud = importlib.import_module(f"providers.{name}.cloud").CLOUD
    assert isinstance(cloud, Cloud), f"providers/{name}/cloud.py: CLOUD is not a Cloud"
    return cloud


def list_clouds() -> list[Cloud]:
    """Return all clouds in their usual order."""
    return [find_cloud(name) for name in REGIONS]


def register(nodes: Sequence[Node], stack: Stack) -> dict[str, PredictionNode]:
    """Register each region's cluster and all nodes with Pulumi. Returns the nodes' components by node name.

    `nodes` contains the rescues. All clusters come first, because a node and its rescue know each other's trigger.
    """
    regions: dict[tuple[str, str], list[Node]] = {}
    for node in nodes:
        regions.setdefault((node.cloud, node.region), []).append(node)
    clusters = {
        (cloud, region): find_cloud(cloud).register_cluster(region, members, stack)
        for (cloud, region), members in sorted(regions.items())
    }
    partners = {node.name: clusters[place].trigger.url for node in nodes if (place := find_partner(node))}
    stack = replace(stack, partners=partners)
    return {
        node.name: find_cloud(node.cloud).register_node(node, clusters[node.cloud, node.region], stack)
        for _, members in sorted(regions.items())
        for node in members
    }
