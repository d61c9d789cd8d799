"""Artifact Registry for pushes from outside Google Cloud, with an access token as the password."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.calls import Call, Refused
from sandbox.docker_build.registries import unauthorized
from sandbox.gcp.handlers import REPOSITORY

if TYPE_CHECKING:
    from sandbox.gcp.cloud import GcpCloud

_SUFFIX = "-docker.pkg.dev"
USER = "oauth2accesstoken"


class Pushes:
    """The registries of all locations."""

    def __init__(self, cloud: GcpCloud) -> None:
        self._cloud = cloud

    def serves(self, host: str) -> bool:
        """Return whether this is a registry's host."""
        return host.endswith(_SUFFIX)

    def admit(self, repository: str, user: str, password: str) -> None:
        """Raise Refused unless the token's owner may push to the repository."""
        if user != USER:
            raise unauthorized()
        principal = self._cloud.tokens.caller(Call("POST", "", "", headers={"authorization": f"Bearer {password}"}))
        uri = repository.rpartition("/")[0]
        place = self._cloud.find(REPOSITORY, registryUri=uri)
        if place is None:
            raise Refused(404, "NAME_UNKNOWN", f'Repository "{uri}" not found')
        self._cloud.access.require(principal, "artifactregistry.repositories.uploadArtifacts", place.id)

    def record_push(self, repository: str, digest: str) -> None:
        """Record the package."""
        assert digest
        self._cloud.kernel.store.put("gcp:packages", repository, {})
