"""Artifact Registry's API as the program calls it: what a tag stands for, deleting a package with its images."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

from sandbox.calls import Call, Refused, Reply, reply
from sandbox.gcp.handlers import REPOSITORY

if TYPE_CHECKING:
    from sandbox.gcp.cloud import GcpCloud

HOST = "artifactregistry.googleapis.com"
_PATH = re.compile(r"/v1/(projects/[^/]+/locations/[^/]+/repositories/[^/]+)/packages/([^/]+)(?:/tags/([^/]+))?")


def serve_packages(cloud: GcpCloud, call: Call, who: str) -> Reply:
    """One request. Raises Refused."""
    found = _PATH.fullmatch(call.path)
    repository = cloud.get(REPOSITORY, found[1]) if found else None
    if found is None or repository is None or call.method != ("GET" if found[3] else "DELETE"):
        raise Refused(404, "NOT_FOUND", f"{call.method} {call.path} was not found.")
    package = f"{repository['registryUri']}/{found[2]}"
    if found[3]:
        cloud.access.require(who, "artifactregistry.tags.get", repository.id)
        digest = cloud.kernel.images.tags(package).get(found[3])
        if digest is None:
            raise Refused(404, "NOT_FOUND", "Requested entity was not found.")
        name = f"{repository.id}/packages/{found[2]}"
        return reply({"name": f"{name}/tags/{found[3]}", "version": f"{name}/versions/{digest}"})
    cloud.access.require(who, "artifactregistry.packages.delete", repository.id)
    if not cloud.kernel.store.delete("gcp:packages", package):
        raise Refused(404, "NOT_FOUND", f"Package {found[2]} was not found.")
    cloud.kernel.images.delete_repository(package)
    return reply({"name": f"{repository.id}/operations/{secrets.token_hex(8)}", "done": True})
