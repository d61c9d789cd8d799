"""Artifact Registry's API as far as the program calls it: deleting a package with all of its images."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

from sandbox.calls import Call, Refused, Reply, reply
from sandbox.gcp.handlers import REPOSITORY

if TYPE_CHECKING:
    from sandbox.gcp.cloud import GcpCloud

HOST = "artifactregistry.googleapis.com"
_PATH = re.compile(r"/v1/(projects/[^/]+/locations/[^/]+/repositories/[^/]+)/packages/([^/]+)")


def serve_packages(cloud: GcpCloud, call: Call, who: str) -> Reply:
    """One request. Raises Refused."""
    found = _PATH.fullmatch(call.path)
    repository = cloud.get(REPOSITORY, found[1]) if found else None
    if found is None or repository is None or call.method != "DELETE":
        raise Refused(404, "NOT_FOUND", f"{call.method} {call.path} was not found.")
    cloud.access.require(who, "artifactregistry.packages.delete", repository.id)
    package = f"{repository['registryUri']}/{found[2]}"
    if not cloud.kernel.store.delete("gcp:packages", package):
        raise Refused(404, "NOT_FOUND", f"Package {found[2]} was not found.")
    cloud.kernel.images.delete_repository(package)
    return reply({"name": f"{repository.id}/operations/{secrets.token_hex(8)}", "done": True})
