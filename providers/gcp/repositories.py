"""Keeps a cluster's image repository to what its nodes need: no package without a node.

The repository is shared, so a removed node's images would stay until its clean-up rules find them. Deleting takes the
deployer's token of the day, which a resource that is being deleted does not have (it is given the state of its last
update): so the cluster holds the list of its nodes, and a change of that list is an update.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx
import pulumi
from pulumi import dynamic

_API = "https://artifactregistry.googleapis.com/v1"


class RepositoriesProvider(dynamic.ResourceProvider):
    """Deletes the packages of nodes that left the list."""

    serialize_as_secret_always = False

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        return dynamic.CreateResult(f"{props['repository']}/packages", _kept(props))

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.UpdateResult:
        if olds["repository"] == news["repository"]:
            for node in sorted(set(olds["nodes"]) - set(news["nodes"])):
                _delete(news["repository"], node, news["token"])
        return dynamic.UpdateResult(_kept(news))

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        return dynamic.DiffResult(changes=any(olds.get(key) != news.get(key) for key in ("repository", "nodes")))


def _kept(props: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in props.items() if key != "token"}


def _delete(repository: str, node: str, token: str) -> None:
    """Delete a node's images. What cannot be deleted now costs a little storage and must not fail an update: it is
    said, and the repository's clean-up rule, which no longer knows the node, deletes it later."""
    try:
        answer = httpx.delete(
            f"{_API}/{repository}/packages/{node}", headers={"Authorization": f"Bearer {token}"}, timeout=60
        )
        refused = "" if answer.status_code < 400 or answer.status_code == 404 else f"HTTP {answer.status_code}"
    except httpx.HTTPError as error:
        refused = f"no answer ({error})"
    if refused:
        print(f"{node}: its images stay until the repository's clean-up deletes them: {refused}", flush=True)


class Repositories(dynamic.Resource, module="prediction-nodes", name="Repositories"):
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
        super().__init__(RepositoriesProvider(), name, props, opts)
