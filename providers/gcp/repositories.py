"""Cleans up a cluster's image repository: deletes the packages of removed nodes, and old images of the others.

All nodes share the repository, so a removed node's images would stay. Its clean-up policies cannot delete them, because
immutable tags protect their images; so tags are made mutable while images are deleted. Deleting requires a current
token of the deploying identity, but a resource that is being deleted has only the token of its last update. Therefore
the cluster holds the list of its nodes, and a removed node is an update of that list.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pulumi
from pulumi import dynamic

from providers.gcp.build_api import read_message
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
        self._client = httpx.Client(headers={"Authorization": f"Bearer {token}"}, timeout=60)

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

    def list_images(self, package: str) -> list[dict[str, Any]]:
        """Return the versions of a package, newest first."""
        versions = self._call("GET", f"/packages/{package}/versions?pageSize=1000").get("versions") or []
        return sorted(versions, key=lambda version: str(version["createTime"]), reverse=True)

    def delete(self, path: str) -> None:
        """Delete a package or version and wait for the end. It need not exist."""
        operation = self._call("DELETE", path)
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
            answer = self._client.request(method, url, **arguments)
        except httpx.HTTPError as error:
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
        digests = [image["name"].rpartition("/")[2] for image in images]
        outdated = [digest for digest in digests if digest not in kept]
        if outdated:
            with api.allow_tag_changes():
                for digest in outdated:
                    api.delete(f"/packages/{node}/versions/{digest}?force=true")
    except _RefusedError as error:
        print(f"{node}: old images were not deleted: {error}", flush=True)


class RepositoriesProvider(Provider):
    """Deletes the packages of nodes that were removed from the list."""

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        return dynamic.CreateResult(f"{props['repository']}/packages", _drop_token(props))

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.UpdateResult:
        removed = sorted(set(olds["nodes"]) - set(news["nodes"]))
        if removed and olds["repository"] == news["repository"]:
            _delete(news["repository"], removed, news["token"])
        return dynamic.UpdateResult(_drop_token(news))

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        return dynamic.DiffResult(changes=any(olds.get(key) != news.get(key) for key in ("repository", "nodes")))


def _drop_token(props: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in props.items() if key != "token"}


def _delete(repository: str, nodes: list[str], token: str) -> None:
    """Delete nodes' images. If this fails, only print why: the images cost little, and the update must not fail."""
    api = _Api(repository, token)
    try:
        with api.allow_tag_changes():
            for node in nodes:
                api.delete(f"/packages/{node}")
    except _RefusedError as error:
        print(f"{', '.join(nodes)}: the images in {repository} were not deleted; delete them: {error}", flush=True)


class Repositories(Resource, module="prediction-nodes", name="Repositories"):
    """The packages of a repository (projects/P/locations/L/repositories/R), one for each of `nodes`."""

    def __init__(
        self,
        name: str,
        repository: pulumi.Input[str],
        nodes: Sequence[str],
        token: pulumi.Input[str],
        opts: pulumi.ResourceOptions,
    ) -> None:
        props = {"repository": repository, "nodes": sorted(nodes), "token": token}
        super().__init__("gcp-repositories", name, props, opts)
