"""Nodes and their places, for the tests of the doctor's checks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nodefile import Node
from providers.findings import Finding, Level, Place

APPS = "/subscriptions/s/resourceGroups/g/providers/Microsoft.App"
MODEL = "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01"


def node(name: str = "alpha", cloud: str = "aws", region: str = "us-east-1", **changes: Any) -> Node:
    """Return a node with 2 vCPU and 8 GiB."""
    plain = {
        "name": name,
        "model": MODEL,
        "tournament": "classic",
        "cloud": cloud,
        "region": region,
        "size": {"preset": None, "cpu": 2, "memory": 8192},
        "source": Path("model"),
        "context": Path("model"),
        "timeout": 3600,
        "disk": None,
        "schedule": None,
        "env": {},
        "command": None,
        "tags": {},
        "enabled": True,
    }
    return Node.model_validate({**plain, **changes})


def place(*nodes: Node, deployed: bool = False, **config: str) -> Place:
    """Return the place of these nodes. In the names of `config`, two underscores stand for a colon."""
    first = nodes[0]
    known = {name.replace("__", ":").replace("azure_native", "azure-native"): value for name, value in config.items()}
    facts = {each.name: {"job": f"{APPS}/jobs/{each.name}"} for each in nodes} if deployed else {}
    return Place(first.cloud, first.region, nodes, known.get, facts)


def only(findings: list[Finding], check: str) -> Finding:
    """Return the only finding of a check."""
    (found,) = [each for each in findings if each.check == check]
    return found


def levels(findings: list[Finding]) -> dict[str, Level]:
    """Return the level of each check."""
    return {each.check: each.level for each in findings}
