"""Keeps a cluster's registry to what its nodes need: no repository without a node, a few images for each.

The registry is shared and Basic has no retention rule, so a removed node's images would stay and be paid for. Deleting
takes the deployer's token of the day, which a resource that is being deleted does not have (it is given the state of
its last update): so the cluster holds the list of its nodes, and a change of that list is an update.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx
import pulumi
from pulumi import dynamic

from providers.azure.arm import describe
from providers.refusal import Refusal
from providers.resource import Provider, Resource

KEEP = 5
"""Images that each node keeps, so that a former commit can be deployed again without a build."""


class RepositoryError(Refusal):
    """The registry would not be tidied; the sentence says what it answered and what to do."""


class NoAnswer(RepositoryError):
    """The registry was not reached, which a new one's name may not be for a minute."""


class RegistryApi:
    """The registry's own API, signed with what it gives in exchange for the deployer's token."""

    def __init__(self, server: str, token: str) -> None:
        self._server = server
        self._client = httpx.Client(base_url=f"https://{server}", timeout=60)
        given = self._call("POST", "/oauth2/exchange", data=self._form("access_token", access_token=token))
        self.refresh_token: str = given.json()["refresh_token"]

    def repositories(self) -> list[str]:
        """All of them."""
        found = self._signed("GET", "/acr/v1/_catalog?n=1000", "registry:catalog:*")
        return list(found.json().get("repositories") or [])

    def images(self, repository: str) -> list[str]:
        """The digests in a repository, newest first."""
        scope = f"repository:{repository}:metadata_read"
        found = self._signed("GET", f"/acr/v1/{repository}/_manifests?n=1000&orderby=timedesc", scope)
        return [each["digest"] for each in found.json().get("manifests") or []]

    def digest(self, repository: str, tag: str) -> str | None:
        """What a tag stands for, if it is there."""
        scope = f"repository:{repository}:metadata_read"
        found = self._signed("GET", f"/acr/v1/{repository}/_tags/{tag}", scope, missing_is_fine=True)
        return str(found.json()["tag"]["digest"]) if found.status_code == 200 else None

    def delete_repository(self, repository: str) -> None:
        """A repository with all its images."""
        self._signed("DELETE", f"/acr/v1/{repository}", f"repository:{repository}:delete", missing_is_fine=True)

    def delete_image(self, repository: str, digest: str) -> None:
        """One image."""
        path, scope = f"/v2/{repository}/manifests/{digest}", f"repository:{repository}:delete"
        self._signed("DELETE", path, scope, missing_is_fine=True)

    def _form(self, grant: str, **more: str) -> dict[str, str]:
        return {"grant_type": grant, "service": self._server, **more}

    def _signed(self, method: str, path: str, scope: str, missing_is_fine: bool = False) -> httpx.Response:
        form = self._form("refresh_token", scope=scope, refresh_token=self.refresh_token)
        access = self._call("POST", "/oauth2/token", data=form).json()["access_token"]
        return self._call(method, path, missing_is_fine, headers={"Authorization": f"Bearer {access}"})

    def _call(self, method: str, path: str, missing_is_fine: bool = False, **arguments: Any) -> httpx.Response:
        where = f"{method} https://{self._server}{path.split('?')[0]}"
        try:
            answer = self._client.request(method, path, **arguments)
        except httpx.HTTPError as error:
            raise NoAnswer(f"{where}: no answer ({error}); run `pulumi up` again.") from error
        if answer.status_code >= 400 and not (missing_is_fine and answer.status_code == 404):
            raise RepositoryError(
                f"{where}: {describe(answer)}. Expected a deployer who may push and delete images (Contributor or "
                "Owner on the registry, or AcrPush and AcrDelete)."
            )
        return answer


def prune(server: str, token: str, repository: str, kept: set[str]) -> None:
    """Leave the newest images of a repository, and those of `kept` (digests). What cannot be pruned costs a little
    storage and must not fail a build: it is said and tried again with the next one."""
    try:
        api = RegistryApi(server, token)
        for digest in api.images(repository)[KEEP:]:
            if digest not in kept:
                api.delete_image(repository, digest)
    except RepositoryError as error:
        print(f"{repository}: old images stay for now: {error}", flush=True)


class RepositoriesProvider(Provider):
    """Deletes the repositories of nodes that left the list."""

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        return dynamic.CreateResult(f"{props['server']}/repositories", _kept(props))

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.UpdateResult:
        gone = set(olds["nodes"]) - set(news["nodes"])
        if gone and olds["server"] == news["server"]:
            api = RegistryApi(news["server"], news["token"])
            for repository in sorted(gone & set(api.repositories())):
                api.delete_repository(repository)
        return dynamic.UpdateResult(_kept(news))

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        return dynamic.DiffResult(changes=any(olds.get(key) != news.get(key) for key in ("server", "nodes")))


def _kept(props: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in props.items() if key != "token"}


class Repositories(Resource, module="prediction-nodes", name="Repositories"):
    """The repositories of a registry: one for each of `nodes`."""

    def __init__(
        self,
        name: str,
        server: pulumi.Input[str],
        nodes: Sequence[str],
        token: pulumi.Input[str],
        opts: pulumi.ResourceOptions,
    ) -> None:
        props = {"server": server, "nodes": sorted(nodes), "token": token}
        super().__init__("azure-repositories", name, props, opts)
