"""The registry of clouds. Imports a cloud's implementation on first use."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nodefile.clouds import REGIONS
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
    """Register each region's cluster and all nodes with Pulumi. Returns the nodes' components by node name."""
    regions: dict[tuple[str, str], list[Node]] = {}
    for node in nodes:
        regions.setdefault((node.cloud, node.region), []).append(node)
    components: dict[str, PredictionNode] = {}
    for (cloud, region), members in sorted(regions.items()):
        registered = find_cloud(cloud).register(region, members, stack)
        components |= {node.name: component for node, component in zip(members, registered, strict=True)}
    return components
