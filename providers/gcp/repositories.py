"""Keeps a cluster's image repository to what its nodes need: no package without a node, and of each its newest images.

The repository is shared, so a removed node's images would stay. Its clean-up rules would not find them: a tag that is
immutable cannot be deleted, nor can an image that has one, so the rule on tags is lifted for as long as that takes.
Deleting takes the deployer's token of the day, which a resource that is being deleted does not have (it is given the
state of its last update): so the cluster holds the list of its nodes, and a change of that list is an update.
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

from providers.gcp.build_api import message
from providers.resource import Provider, Resource

_API = "https://artifactregistry.googleapis.com/v1"

KEEP = 20
"""Images that each node keeps, so that a former commit can be deployed again without a build."""
OLD_DAYS = 30
_WAIT_SECONDS, _POLL_SECONDS = 120.0, 2.0
_LIFTING = threading.Lock()


class _RefusedError(Exception):
    """What Artifact Registry answered instead; never a reason to fail an update."""


class _Api:
    """One repository (projects/P/locations/L/repositories/R), signed with the deployer's token."""

    def __init__(self, repository: str, token: str) -> None:
        self._repository = repository
        self._client = httpx.Client(headers={"Authorization": f"Bearer {token}"}, timeout=60)

    @contextlib.contextmanager
    def lifted(self) -> Iterator[None]:
        """While it holds, tags can be moved and deleted."""
        with _LIFTING:
            self._immutable(False)
            try:
                yield
            finally:
                try:
                    self._immutable(True)
                except _RefusedError as error:
                    raise _RefusedError(f"tags can be moved until `pulumi up --refresh` ({error})") from error

    def images(self, package: str) -> list[dict[str, Any]]:
        """The versions of a package, the newest first."""
        found = self._call("GET", f"/packages/{package}/versions?pageSize=1000").get("versions") or []
        return sorted(found, key=lambda each: str(each["createTime"]), reverse=True)

    def delete(self, path: str) -> None:
        """Delete what may be gone already, and wait for the end of it."""
        operation = self._call("DELETE", path)
        deadline = time.monotonic() + _WAIT_SECONDS
        while operation and not operation.get("done"):
            if time.monotonic() > deadline:
                raise _RefusedError("it takes too long")
            time.sleep(_POLL_SECONDS)
            operation = self._answer("GET", f"{_API}/{operation['name']}")
        if operation.get("error"):
            raise _RefusedError(str(operation["error"].get("message")))

    def _immutable(self, state: bool) -> None:
        self._call("PATCH", "?updateMask=dockerConfig", json={"dockerConfig": {"immutableTags": state}})

    def _call(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        return self._answer(method, f"{_API}/{self._repository}{path}", **arguments)

    def _answer(self, method: str, url: str, **arguments: Any) -> dict[str, Any]:
        try:
            answer = self._client.request(method, url, **arguments)
        except httpx.HTTPError as error:
            raise _RefusedError(f"no answer ({error})") from error
        if answer.status_code == 404:
            return {}
        if answer.status_code >= 400:
            raise _RefusedError(f"{method} {url.split('?')[0]}: HTTP {answer.status_code} {message(answer)}")
        found: dict[str, Any] = answer.json() if answer.content else {}
        return found


def prune(repository: str, node: str, token: str, kept: set[str]) -> None:
    """Delete a node's old images, but for the newest and those of `kept` (digests). What cannot be deleted costs a
    little storage and must not fail a build: it is said, and tried again with the next one."""
    old = (datetime.now(UTC) - timedelta(days=OLD_DAYS)).isoformat()
    api = _Api(repository, token)
    try:
        doomed = [each["name"].rpartition("/")[2] for each in api.images(node)[KEEP:] if each["createTime"] < old]
        doomed = [digest for digest in doomed if digest not in kept]
        if doomed:
            with api.lifted():
                for digest in doomed:
                    api.delete(f"/packages/{node}/versions/{digest}?force=true")
    except _RefusedError as error:
        print(f"{node}: old images stay for now: {error}", flush=True)


class RepositoriesProvider(Provider):
    """Deletes the packages of nodes that left the list."""

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        return dynamic.CreateResult(f"{props['repository']}/packages", _kept(props))

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.UpdateResult:
        gone = sorted(set(olds["nodes"]) - set(news["nodes"]))
        if gone and olds["repository"] == news["repository"]:
            _delete(news["repository"], gone, news["token"])
        return dynamic.UpdateResult(_kept(news))

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        return dynamic.DiffResult(changes=any(olds.get(key) != news.get(key) for key in ("repository", "nodes")))


def _kept(props: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in props.items() if key != "token"}


def _delete(repository: str, nodes: list[str], token: str) -> None:
    """Delete nodes' images. What cannot be deleted costs a little storage and must not fail an update: it is said."""
    api = _Api(repository, token)
    try:
        with api.lifted():
            for node in nodes:
                api.delete(f"/packages/{node}")
    except _RefusedError as error:
        print(f"{', '.join(nodes)}: images stay in {repository} until somebody deletes them: {error}", flush=True)


class Repositories(Resource, module="prediction-nodes", name="Repositories"):
    """The packages of a repository (projects/P/locations/L/repositories/R): one for each of `nodes`."""

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
