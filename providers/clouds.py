"""The registry of clouds: finds the implementation of a name in nodes.yaml and imports it on first use."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nodefile.clouds import REGIONS
from providers.cloud import Cloud

if TYPE_CHECKING:
    from nodefile import Node
    from providers.contract import PredictionNode, Stack


def find_cloud(name: str) -> Cloud:
    """The cloud of this name, from `CLOUD` in providers/<name>/cloud.py. Raises KeyError for an unknown name."""
    if name not in REGIONS:
        raise KeyError(name)
    cloud = importlib.import_module(f"providers.{name}.cloud").CLOUD
    assert isinstance(cloud, Cloud), f"providers/{name}/cloud.py: CLOUD is not a Cloud"
    return cloud


def list_clouds() -> list[Cloud]:
    """All clouds, in the order in which they are listed everywhere."""
    return [find_cloud(name) for name in REGIONS]


def find_package(package: str) -> Cloud | None:
    """The cloud of a Pulumi package (`azure-native`), the first part of a resource's type; None for other packages."""
    return next((cloud for cloud in list_clouds() if cloud.package == package), None)


def register(nodes: Sequence[Node], stack: Stack) -> dict[str, PredictionNode]:
    """Register with Pulumi every node and the cluster of each region in use; the nodes by name."""
    regions: dict[tuple[str, str], list[Node]] = {}
    for node in nodes:
        regions.setdefault((node.cloud, node.region), []).append(node)
    built: dict[str, PredictionNode] = {}
    for (cloud, region), members in sorted(regions.items()):
        registered = find_cloud(cloud).register(region, members, stack)
        built |= {node.name: component for node, component in zip(members, registered, strict=True)}
    return built
