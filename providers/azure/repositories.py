"""Cleans up a cluster's registry: deletes old images, and those of nodes that were removed.

All nodes share the registry, and Basic registries have no retention policy, so a removed node's images would stay and
cost money. The registry's builds have tags; those of the user's Docker have none. A node that switches between the two
loses only the images of the former.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi
from pulumi import dynamic

from nodefile import Node
from providers import https
from providers.azure.arm import MANAGEMENT, describe
from providers.component import name_in_region
from providers.operations import Configured, OperationsError
from providers.refusal import Refusal
from providers.resource import Provider, Resource

if TYPE_CHECKING:
    import httpx

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
        self._client = https.open_client(base_url=f"https://{server}", timeout=60)
        answer = self._call("POST", "/oauth2/exchange", data=self._build_form("access_token", access_token=token))
        self.refresh_token: str = answer.json()["refresh_token"]

    def list_images(self, repository: str) -> dict[str, bool]:
        """Return the digests in a repository, newest first, and whether each has a tag."""
        scope = f"repository:{repository}:metadata_read"
        path = f"/acr/v1/{repository}/_manifests?n=1000&orderby=timedesc"
        answer = self._call_signed("GET", path, scope, missing_is_fine=True)
        return {manifest["digest"]: bool(manifest.get("tags")) for manifest in answer.json().get("manifests") or []}

    def find_digest(self, repository: str, tag: str) -> str | None:
        """Return the digest of a tag, or None if there is no such tag."""
        scope = f"repository:{repository}:metadata_read"
        answer = self._call_signed("GET", f"/acr/v1/{repository}/_tags/{tag}", scope, missing_is_fine=True)
        return str(answer.json()["tag"]["digest"]) if answer.status_code == 200 else None

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
            answer = https.request(method, path, self._client, **arguments)
        except https.NoResponse as error:
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
        for digest in list(api.list_images(repository))[KEEP:]:
            if digest not in kept:
                api.delete_image(repository, digest)
    except RepositoryError as error:
        print(f"{repository}: old images were not deleted: {error}", flush=True)


def delete_images(server: str, node: str, configured: Configured, *, tagged: bool) -> None:
    """Delete a node's images that have tags, or those that have none.

    The deploying identity's token of the last `up` has expired, so a new one is requested. If that or the deletion
    fails, only print why: the images cost little, and the update must not fail.
    """
    from providers.azure.identity import Identity  # takes 0.3 s to import, and only the removal of a node needs it

    try:
        token = Identity(configured).request_token(MANAGEMENT)
        api = RegistryApi(server, token)
        for digest, has_tag in api.list_images(node).items():
            if has_tag == tagged:
                api.delete_image(node, digest)
    except (RepositoryError, OperationsError) as error:
        print(f"{node}: the images in {server} were not deleted; delete them: {error}", flush=True)


class DockerImagesProvider(Provider):
    """Deletes the images of a node with `build: {docker: true}`, whose own resource cannot, when it is removed."""

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        return dynamic.CreateResult(f"{props['server']}/{props['node']}", props)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        replaces = [key for key in ("server", "node") if olds[key] != news[key]]
        return dynamic.DiffResult(changes=bool(replaces), replaces=replaces)

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        delete_images(props["server"], props["node"], self.setting, tagged=False)


class DockerImages(Resource, module="prediction-nodes", name="DockerImages"):
    """The images of a node in a registry that Docker built."""

    def __init__(self, node: Node, server: pulumi.Input[str], opts: pulumi.ResourceOptions) -> None:
        super().__init__("azure-docker-images", name_in_region(node), {"server": server, "node": node.name}, opts)


class RepositoriesProvider(Provider):
    """Forgets a resource of earlier versions, which listed a registry's nodes. The states of stacks refer to it."""

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        return dynamic.DiffResult(changes=False)
