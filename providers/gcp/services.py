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
    "monitoring",
    "run",
    "secretmanager",
    "storage",
)
# Google enables these in a new project (cloud.google.com/service-usage/docs/enabled-service).
DEFAULT = ("logging", "storage")


# Cloud Scheduler is not in every region (cloud.google.com/scheduler/docs/locations and its release notes, September
# 2026). A job may call a trigger in another region.
SCHEDULER_REGIONS = frozenset(
    {
        *("asia-east1", "asia-east2", "asia-northeast1", "asia-northeast2", "asia-northeast3", "asia-south1"),
        *("asia-south2", "asia-southeast1", "asia-southeast2", "asia-southeast3", "australia-southeast1"),
        *("europe-central2", "europe-west1", "europe-west2", "europe-west3", "europe-west4", "europe-west6"),
        *("europe-west12", "me-central1", "me-central2", "me-west1", "northamerica-northeast1"),
        *("northamerica-northeast2", "southamerica-east1", "us-central1", "us-east1", "us-east4", "us-west1"),
        *("us-west2", "us-west3", "us-west4"),
    }
)
_NEAREST = {"asia": "asia-southeast1", "australia": "australia-southeast1", "europe": "europe-west1"}
_NEAREST |= {"africa": "europe-west1", "me": "me-west1", "southamerica": "southamerica-east1"}


def find_scheduler_region(region: str) -> str:
    """Return the region for scheduler jobs that call a trigger in this region."""
    if region in SCHEDULER_REGIONS:
        return region
    return _NEAREST.get(region.split("-")[0], "us-central1")


def list_services(nodes: Sequence[Node]) -> list[str]:
    """Return the services that `up` enables: without the default ones and those that have no use.

    Projects of the console and gcloud have Cloud Monitoring, which sends e-mails; those of the API do not.
    """
    unused = set(DEFAULT)
    if not any(node.schedule or node.watch.enabled for node in nodes):
        unused.add("cloudscheduler")
    if not any(node.alerts.email for node in nodes):
        unused.add("monitoring")
    return [service for service in SERVICES if service not in unused]
