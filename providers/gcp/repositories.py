"""Cleans up a cluster's image repository: deletes old images, and those of nodes that were removed.

All nodes share the repository, so a removed node's images would stay. Its clean-up policies cannot delete them, because
immutable tags protect their images; so tags are made mutable while images are deleted. Cloud Build's images have tags;
those of the user's Docker have none. A node that switches between the two loses only the images of the former.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pulumi
from pulumi import dynamic

from nodefile import Node
from providers import https
from providers.component import name_in_region
from providers.gcp.build_api import read_message
from providers.operations import Configured, OperationsError
from providers.resource import Provider, Resource

_API = "https://artifactregistry.googleapis.com/v1"

KEEP = 20
"""The number of images kept per node, so that an earlier commit can be deployed again without a build."""
OLD_DAYS = 30
_WAIT_SECONDS, _POLL_SECONDS = 120.0, 2.0
_LIFTING = threading.Lock()


class _RefusedError(Exception):
    """Artifact Registry refused a request. This must not make an update fail."""


class _Api:
    """Calls for one repository (projects/P/locations/L/repositories/R), signed with the deploying identity's token."""

    def __init__(self, repository: str, token: str) -> None:
        self._repository = repository
        self._client = https.open_client(headers={"Authorization": f"Bearer {token}"}, timeout=60)

    @contextlib.contextmanager
    def allow_tag_changes(self) -> Iterator[None]:
        """Make tags mutable, so that they can be moved and deleted, until the context ends."""
        with _LIFTING:
            self._set_immutable(False)
            try:
                yield
            finally:
                try:
                    self._set_immutable(True)
                except _RefusedError as error:
                    raise _RefusedError(f"tags stay mutable until `pulumi up --refresh` ({error})") from error

    def list_tagged(self, package: str) -> set[str]:
        """Return the digests of a package's images that have a tag."""
        tags = self._call("GET", f"/packages/{package}/tags?pageSize=1000").get("tags") or []
        return {_read_digest(tag["version"]) for tag in tags}

    def list_images(self, package: str) -> list[dict[str, Any]]:
        """Return the versions of a package, newest first."""
        versions = self._call("GET", f"/packages/{package}/versions?pageSize=1000").get("versions") or []
        return sorted(versions, key=lambda version: str(version["createTime"]), reverse=True)

    def delete(self, package: str, digest: str) -> None:
        """Delete an image with its tags and wait for the end. It need not exist."""
        operation = self._call("DELETE", f"/packages/{package}/versions/{digest}?force=true")
        deadline = time.monotonic() + _WAIT_SECONDS
        while operation and not operation.get("done"):
            if time.monotonic() > deadline:
                raise _RefusedError("the deletion takes too long")
            time.sleep(_POLL_SECONDS)
            operation = self._request("GET", f"{_API}/{operation['name']}")
        if operation.get("error"):
            raise _RefusedError(str(operation["error"].get("message")))

    def _set_immutable(self, state: bool) -> None:
        self._call("PATCH", "?updateMask=dockerConfig", json={"dockerConfig": {"immutableTags": state}})

    def _call(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        return self._request(method, f"{_API}/{self._repository}{path}", **arguments)

    def _request(self, method: str, url: str, **arguments: Any) -> dict[str, Any]:
        try:
            answer = https.request(method, url, self._client, **arguments)
        except https.NoResponse as error:
            raise _RefusedError(f"no answer ({error})") from error
        if answer.status_code == 404:
            return {}
        if answer.status_code >= 400:
            raise _RefusedError(f"{method} {url.split('?')[0]}: HTTP {answer.status_code} {read_message(answer)}")
        content: dict[str, Any] = answer.json() if answer.content else {}
        return content


def prune(repository: str, node: str, token: str, kept: set[str]) -> None:
    """Delete a node's old images except the newest and those in `kept` (digests).

    Images that cannot be deleted cost only a little storage and must not make a build fail. So an error is printed, and
    the next build tries again.
    """
    old = (datetime.now(UTC) - timedelta(days=OLD_DAYS)).isoformat()
    api = _Api(repository, token)
    try:
        images = [image for image in api.list_images(node)[KEEP:] if image["createTime"] < old]
        digests = [_read_digest(image["name"]) for image in images]
        outdated = [digest for digest in digests if digest not in kept]
        if outdated:
            with api.allow_tag_changes():
                for digest in outdated:
                    api.delete(node, digest)
    except _RefusedError as error:
        print(f"{node}: old images were not deleted: {error}", flush=True)


def delete_images(repository: str, node: str, configured: Configured, *, tagged: bool) -> None:
    """Delete a node's images that have tags, or those that have none.

    The deploying identity's token of the last `up` has expired, so a new one is requested. If that or the deletion
    fails, only print why: the images cost little, and the update must not fail.
    """
    from providers.gcp.identity import Identity  # takes 0.1 s to import, and only the removal of a node needs it

    try:
        api = _Api(repository, Identity(configured).request_token())
        with_tags = api.list_tagged(node)
        digests = [_read_digest(image["name"]) for image in api.list_images(node)]
        with api.allow_tag_changes() if tagged else contextlib.nullcontext():
            for digest in digests:
                if (digest in with_tags) == tagged:
                    api.delete(node, digest)
    except (_RefusedError, OperationsError) as error:
        print(f"{node}: the images in {repository} were not deleted; delete them: {error}", flush=True)


def _read_digest(name: str) -> str:
    return name.rpartition("/")[2]


class DockerImagesProvider(Provider):
    """Deletes the images of a node with `build: {docker: true}`, whose own resource cannot, when it is removed."""

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        return dynamic.CreateResult(f"{props['repository']}/packages/{props['node']}", props)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        replaces = [key for key in ("repository", "node") if olds[key] != news[key]]
        return dynamic.DiffResult(changes=bool(replaces), replaces=replaces)

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        delete_images(props["repository"], props["node"], self.setting, tagged=False)


class DockerImages(Resource, module="prediction-nodes", name="DockerImages"):
    """The images of a node in a repository (projects/P/locations/L/repositories/R) that Docker built."""

    def __init__(self, node: Node, repository: pulumi.Input[str], opts: pulumi.ResourceOptions) -> None:
        super().__init__("gcp-docker-images", name_in_region(node), {"repository": repository, "node": node.name}, opts)


class RepositoriesProvider(Provider):
    """Forgets a resource of earlier versions, which listed a repository's nodes. The states of stacks refer to it."""

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        return dynamic.DiffResult(changes=False)
