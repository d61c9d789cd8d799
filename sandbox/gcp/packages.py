"""Artifact Registry's API as the program calls it: what a tag stands for, a package's images, deleting either.

An immutable tag cannot be deleted, nor can what holds it: an image, its package.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
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
_OPERATION = re.compile(rf"/v1/(?P<name>{_REPOSITORY}/operations/[0-9a-f]+)")


def serve_packages(cloud: GcpCloud, call: Call, who: str) -> Reply:
    """One request. Raises Refused."""
    operation = _OPERATION.fullmatch(call.path)
    if operation and call.method == "GET":
        return reply({"name": operation["name"], "done": True})
    found = _PATH.fullmatch(call.path)
    repository = cloud.get(REPOSITORY, found["repository"]) if found else None
    if found is None or repository is None:
        raise Refused(404, "NOT_FOUND", f"{call.method} {call.path} was not found.")
    package, name = f"{repository['registryUri']}/{found['package']}", found["name"]
    match call.method, found["package"] and (found["kind"] or "package"), bool(name):
        case "PATCH", None, False:
            return _patched(cloud, call, who, repository)
        case "GET", "tags", True:
            return _tag(cloud, who, repository, package, name)
        case "GET", "versions", False:
            return _versions(cloud, who, repository, package)
        case "DELETE", "versions", True:
            cloud.access.require(who, "artifactregistry.versions.delete", repository.id)
            digests = set(cloud.kernel.images.tags(package).values())
            if name in digests and call.query.get("force") != "true":
                raise Refused(400, "FAILED_PRECONDITION", f"{name} has tags")
            _mutable(repository, {name} & digests)
            if not cloud.kernel.store.delete("images", f"{package}@{name}"):
                raise Refused(404, "NOT_FOUND", f"Version {name} was not found.")
            return _operation(repository)
        case "DELETE", "package", False:
            cloud.access.require(who, "artifactregistry.packages.delete", repository.id)
            _mutable(repository, cloud.kernel.images.tags(package))
            if not cloud.kernel.store.delete("gcp:packages", package):
                raise Refused(404, "NOT_FOUND", f"Package {found['package']} was not found.")
            cloud.kernel.images.delete_repository(package)
            return _operation(repository)
    raise Refused(404, "NOT_FOUND", f"{call.method} {call.path} was not found.")


def _mutable(repository: Resource, tags: Iterable[str]) -> None:
    if list(tags) and (repository.outputs.get("dockerConfig") or {}).get("immutableTags"):
        raise Refused(400, "FAILED_PRECONDITION", "Cannot delete: the repository has immutable tags.")


def _operation(repository: Resource) -> Reply:
    return reply({"name": f"{repository.id}/operations/{secrets.token_hex(8)}", "done": False})


def _patched(cloud: GcpCloud, call: Call, who: str, repository: Resource) -> Reply:
    cloud.access.require(who, "artifactregistry.repositories.update", repository.id)
    if call.query != {"updateMask": "dockerConfig"}:
        raise Refused(400, "INVALID_ARGUMENT", "the sandbox changes dockerConfig only")
    repository.outputs["dockerConfig"] = call.json()["dockerConfig"]
    cloud.save(repository)
    return reply({"name": repository.id, **call.json()})


def _tag(cloud: GcpCloud, who: str, repository: Resource, package: str, tag: str) -> Reply:
    cloud.access.require(who, "artifactregistry.tags.get", repository.id)
    digest = cloud.kernel.images.tags(package).get(tag)
    if digest is None:
        raise Refused(404, "NOT_FOUND", "Requested entity was not found.")
    name = f"{repository.id}/packages/{package.rpartition('/')[2]}"
    return reply({"name": f"{name}/tags/{tag}", "version": f"{name}/versions/{digest}"})


def _versions(cloud: GcpCloud, who: str, repository: Resource, package: str) -> Reply:
    cloud.access.require(who, "artifactregistry.versions.list", repository.id)
    parent = f"{repository.id}/packages/{package.rpartition('/')[2]}/versions"
    times = cloud.kernel.store.all("gcp:image-times", f"{package}@")
    versions = []
    for key in cloud.kernel.store.all("images", f"{package}@"):
        made = datetime.fromtimestamp(times.get(key, {"at": 0.0})["at"], UTC)
        versions.append({"name": f"{parent}/{key.partition('@')[2]}", "createTime": f"{made:%Y-%m-%dT%H:%M:%S.%fZ}"})
    return reply({"versions": versions})
