"""Cleans up a cluster's registry: deletes the repositories of removed nodes, and old images of the others.

All nodes share the registry, and Basic registries have no retention policy, so a removed node's images would stay and
cost money. Deleting requires a current token of the deploying identity, but a resource that is being deleted has only
the token of its last update. Therefore the cluster holds the list of its nodes, and a removed node is an update of that
list.
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
"""The number of images kept per node, so that an earlier commit can be deployed again without a build."""


class RepositoryError(Refusal):
    """The registry refused a request. The sentence contains its answer and says what to do."""


class NoAnswer(RepositoryError):
    """The registry did not answer. The name of a new registry may not resolve for a minute."""


class RegistryApi:
    """The registry's API, signed with tokens that it issues in exchange for the deploying identity's token."""

    def __init__(self, server: str, token: str) -> None:
        self._server = server
        self._client = httpx.Client(base_url=f"https://{server}", timeout=60)
        answer = self._call("POST", "/oauth2/exchange", data=self._build_form("access_token", access_token=token))
        self.refresh_token: str = answer.json()["refresh_token"]

    def list_repositories(self) -> list[str]:
        """Return the names of all repositories."""
        answer = self._call_signed("GET", "/acr/v1/_catalog?n=1000", "registry:catalog:*")
        return list(answer.json().get("repositories") or [])

    def list_images(self, repository: str) -> list[str]:
        """Return the digests in a repository, newest first."""
        scope = f"repository:{repository}:metadata_read"
        answer = self._call_signed("GET", f"/acr/v1/{repository}/_manifests?n=1000&orderby=timedesc", scope)
        return [manifest["digest"] for manifest in answer.json().get("manifests") or []]

    def find_digest(self, repository: str, tag: str) -> str | None:
        """Return the digest of a tag, or None if there is no such tag."""
        scope = f"repository:{repository}:metadata_read"
        answer = self._call_signed("GET", f"/acr/v1/{repository}/_tags/{tag}", scope, missing_is_fine=True)
        return str(answer.json()["tag"]["digest"]) if answer.status_code == 200 else None

    def delete_repository(self, repository: str) -> None:
        """Delete a repository with all its images."""
        self._call_signed("DELETE", f"/acr/v1/{repository}", f"repository:{repository}:delete", missing_is_fine=True)

    def delete_image(self, repository: str, digest: str) -> None:
        """Delete one image."""
        path, scope = f"/v2/{repository}/manifests/{digest}", f"repository:{repository}:delete"
        self._call_signed("DELETE", path, scope, missing_is_fine=True)

    def _build_form(self, grant: str, **fields: str) -> dict[str, str]:
        return {"grant_type": grant, "service": self._server, **fields}

    def _call_signed(self, method: str, path: str, scope: str, missing_is_fine: bool = False) -> httpx.Response:
        form = self._build_form("refresh_token", scope=scope, refresh_token=self.refresh_token)
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
                f"{where}: {describe(answer)}. Expected an identity that may push and delete images (Contributor or "
                "Owner on the registry, or AcrPush and AcrDelete)."
            )
        return answer


def prune(server: str, token: str, repository: str, kept: set[str]) -> None:
    """Delete a repository's images except the newest and those in `kept` (digests).

    Images that cannot be deleted cost only a little storage and must not make a build fail. So an error is printed, and
    the next build tries again.
    """
    try:
        api = RegistryApi(server, token)
        for digest in api.list_images(repository)[KEEP:]:
            if digest not in kept:
                api.delete_image(repository, digest)
    except RepositoryError as error:
        print(f"{repository}: old images were not deleted: {error}", flush=True)


class RepositoriesProvider(Provider):
    """Deletes the repositories of nodes that were removed from the list."""

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        return dynamic.CreateResult(f"{props['server']}/repositories", _drop_token(props))

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.UpdateResult:
        removed = set(olds["nodes"]) - set(news["nodes"])
        if removed and olds["server"] == news["server"]:
            api = RegistryApi(news["server"], news["token"])
            for repository in sorted(removed & set(api.list_repositories())):
                api.delete_repository(repository)
        return dynamic.UpdateResult(_drop_token(news))

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        return dynamic.DiffResult(changes=any(olds.get(key) != news.get(key) for key in ("server", "nodes")))


def _drop_token(props: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in props.items() if key != "token"}


class Repositories(Resource, module="prediction-nodes", name="Repositories"):
    """The repositories of a registry, one for each of `nodes`."""

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
