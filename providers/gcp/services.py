"""The Google services that nodes need. `up` enables most of them, and `pnodes doctor` checks all of them."""

from __future__ import annotations

from collections.abc import Sequence

from nodefile import Node

SERVICES = (
    "artifactregistry",
    "cloudbuild",
    "cloudfunctions",
    "cloudresourcemanager",
    "cloudscheduler",
    "iam",
    "logging",
    "run",
    "secretmanager",
    "storage",
)
# Google enables these in a new project (cloud.google.com/service-usage/docs/enabled-service).
DEFAULT = ("logging", "storage")


def list_services(nodes: Sequence[Node]) -> list[str]:
    """Return the services that `up` enables: without the default ones, and without Cloud Scheduler if it has no use."""
    unused = () if any(node.schedule or node.watch.enabled for node in nodes) else ("cloudscheduler",)
    return [service for service in SERVICES if service not in (*DEFAULT, *unused)]
