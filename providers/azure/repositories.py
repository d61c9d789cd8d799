"""Cleans up a cluster's registry: deletes the repositories of removed nodes, and old images of the others.

All nodes share the registry, and Basic registries have no retention policy, so a removed node's images would stay and
cost money. So each node has a resource for its repository, which is deleted with it.
"""

from __future__ import annotations

from typing import Any

import httpx
import pulumi
from pulumi import dynamic

from providers.azure.arm import MANAGEMENT, describe
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


class RepositoryProvider(Provider):
    """Deletes the repository of a removed node. The first push creates the repository."""

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        return dynamic.CreateResult(f"{props['server']}/{props['node']}", props)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        moved = olds.get("server") != news["server"]
        return dynamic.DiffResult(changes=moved, replaces=["server"] if moved else [])

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        """Delete the images with a new token, since a resource that is deleted has no current inputs.

        An error is printed and does not stop the update: leftover images cost only a little storage.
        """
        from providers.azure.identity import Identity  # the Azure SDK takes a while to import
        from providers.operations import OperationsError

        try:
            token = Identity(self.setting).headers(MANAGEMENT)["Authorization"].removeprefix("Bearer ")
            RegistryApi(props["server"], token).delete_repository(props["node"])
        except (RepositoryError, OperationsError) as error:
            print(f"{props['node']}: the images in {props['server']} were not deleted: {error}", flush=True)


class RepositoriesProvider(Provider):
    """The provider of a resource that listed a cluster's nodes, for stacks that still have it. Deletes nothing."""


class Repository(Resource, module="prediction-nodes", name="Repository"):
    """A node's repository in its cluster's registry."""

    def __init__(self, name: str, server: pulumi.Input[str], opts: pulumi.ResourceOptions) -> None:
        super().__init__("azure-repository", name, {"server": server, "node": name}, opts)
