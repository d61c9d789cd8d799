"""Registries for pushes from outside Azure, with the registry's own token as the password."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.azure.images import SUFFIX
from sandbox.azure.registry import REGISTRY
from sandbox.calls import Call, Refused
from sandbox.docker_build.registries import unauthorized

if TYPE_CHECKING:
    from sandbox.azure.cloud import AzureCloud

USER = "00000000-0000-0000-0000-000000000000"
_PUSH = "Microsoft.ContainerRegistry/registries/push/write"


class Pushes:
    """All registries."""

    def __init__(self, cloud: AzureCloud) -> None:
        self._cloud, self._store = cloud, cloud.kernel.store

    def serves(self, host: str) -> bool:
        """Return whether this is a registry's host."""
        return host.endswith(SUFFIX)

    def admit(self, repository: str, user: str, password: str) -> None:
        """Raise Refused unless the token's owner may push to the registry."""
        server = repository.partition("/")[0]
        registry = self._cloud.find(REGISTRY, loginServer=server)
        if registry is None or user != USER:
            raise unauthorized()
        signed = Call("POST", server, "", headers={"authorization": f"Bearer {password}"})
        principal = self._cloud.tokens.principal(signed, f"{server} refresh")
        if not self._cloud.access.is_allowed(principal, _PUSH, registry.id):
            raise Refused(403, "DENIED", "requested access to the resource is denied")

    def record_push(self, repository: str, digest: str) -> None:
        """Record the image as the repository's newest."""
        older = (self._store.get("azure:repositories", repository) or {"digests": []})["digests"]
        digests = [old for old in older if old != digest] + [digest]
        self._store.put("azure:repositories", repository, {"digests": digests})
