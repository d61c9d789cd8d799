"""The part of Artifact Registry's API that the program uses: a package's tags and images, and the deletion of images.

An image that has an immutable tag cannot be deleted.
"""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sandbox.calls import Call, Refused, Reply, reply
from sandbox.cloud import Resource
from sandbox.gcp.handlers import REPOSITORY

if TYPE_CHECKING:
    from sandbox.gcp.cloud import GcpCloud

HOST = "artifactregistry.googleapis.com"
_REPOSITORY = r"(?P<repository>projects/[^/]+/locations/[^/]+/repositories/[^/]+)"
_PATH = re.compile(
    rf"/v1/{_REPOSITORY}(?:/packages/(?P<package>[^/]+)(?:/(?P<kind>tags|versions)(?:/(?P<name>[^/]+))?)?)?"
)
_OPERATION = re.compile(r"/v1/(?P<name>projects/[^/]+/locations/[^/]+/operations/[0-9a-f]+)")


def serve_packages(cloud: GcpCloud, call: Call, principal: str) -> Reply:
    """Answer a request. Raises Refused."""
    operation = _OPERATION.fullmatch(call.path)
    if operation and call.method == "GET":
        return reply({"name": operation["name"], "done": True})
    path = _PATH.fullmatch(call.path)
    repository = cloud.get(REPOSITORY, path["repository"]) if path else None
    if path is None or repository is None:
        raise Refused(404, "NOT_FOUND", f"{call.method} {call.path} was not found.")
    package, name = f"{repository['registryUri']}/{path['package']}", path["name"]
    match call.method, path["kind"], bool(name):
        case "PATCH", None, False:
            return _patch(cloud, call, principal, repository)
        case "GET", "tags", True:
            return _get_tag(cloud, principal, repository, package, name)
        case "GET", "tags", False:
            return _list_tags(cloud, principal, repository, package)
        case "GET", "versions", False:
            return _list_versions(cloud, principal, repository, package)
        case "DELETE", "versions", True:
            cloud.access.require(principal, "artifactregistry.versions.delete", repository.id)
            digests = set(cloud.kernel.images.tags(package).values())
            if name in digests and call.query.get("force") != "true":
                raise Refused(400, "FAILED_PRECONDITION", f"{name} has tags")
            if name in digests and (repository.outputs.get("dockerConfig") or {}).get("immutableTags"):
                raise Refused(400, "FAILED_PRECONDITION", "Cannot delete: the repository has immutable tags.")
            if not cloud.kernel.store.delete("images", f"{package}@{name}"):
                raise Refused(404, "NOT_FOUND", f"Version {name} was not found.")
            return _build_operation(repository)
    raise Refused(404, "NOT_FOUND", f"{call.method} {call.path} was not found.")


def _build_operation(repository: Resource) -> Reply:
    location = repository.id.partition("/repositories/")[0]
    return reply({"name": f"{location}/operations/{secrets.token_hex(8)}", "done": False})


def _patch(cloud: GcpCloud, call: Call, principal: str, repository: Resource) -> Reply:
    cloud.access.require(principal, "artifactregistry.repositories.update", repository.id)
    if call.query != {"updateMask": "dockerConfig"}:
        raise Refused(400, "INVALID_ARGUMENT", "the sandbox changes dockerConfig only")
    repository.outputs["dockerConfig"] = call.json()["dockerConfig"]
    cloud.save(repository)
    return reply({"name": repository.id, **call.json()})


def _get_tag(cloud: GcpCloud, principal: str, repository: Resource, package: str, tag: str) -> Reply:
    cloud.access.require(principal, "artifactregistry.tags.get", repository.id)
    digest = cloud.kernel.images.tags(package).get(tag)
    if digest is None:
        raise Refused(404, "NOT_FOUND", "Requested entity was not found.")
    name = f"{repository.id}/packages/{package.rpartition('/')[2]}"
    return reply({"name": f"{name}/tags/{tag}", "version": f"{name}/versions/{digest}"})


def _list_tags(cloud: GcpCloud, principal: str, repository: Resource, package: str) -> Reply:
    cloud.access.require(principal, "artifactregistry.tags.list", repository.id)
    name = f"{repository.id}/packages/{package.rpartition('/')[2]}"
    tags = cloud.kernel.images.tags(package).items()
    return reply(
        {"tags": [{"name": f"{name}/tags/{tag}", "version": f"{name}/versions/{digest}"} for tag, digest in tags]}
    )


def _list_versions(cloud: GcpCloud, principal: str, repository: Resource, package: str) -> Reply:
    cloud.access.require(principal, "artifactregistry.versions.list", repository.id)
    parent = f"{repository.id}/packages/{package.rpartition('/')[2]}/versions"
    times = cloud.kernel.store.all("gcp:image-times", f"{package}@")
    versions = []
    for key in cloud.kernel.store.all("images", f"{package}@"):
        created = datetime.fromtimestamp(times.get(key, {"at": 0.0})["at"], UTC)
        versions.append({"name": f"{parent}/{key.partition('@')[2]}", "createTime": f"{created:%Y-%m-%dT%H:%M:%S.%fZ}"})
    return reply({"versions": versions})
