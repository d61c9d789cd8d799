"""The interface of a simulated cloud's registry for pushes from outside the cloud."""

from __future__ import annotations

from typing import Protocol

from sandbox.calls import Refused


class Registry(Protocol):
    """The registries of one cloud."""

    def serves(self, host: str) -> bool:
        """Return whether a host name is that of one of these registries."""

    def admit(self, repository: str, user: str, password: str) -> None:
        """Raise Refused, as the registry would, unless this login may push to HOST/NAME."""

    def record_push(self, repository: str, digest: str) -> None:
        """Record an image that has been pushed."""


def unauthorized() -> Refused:
    """Return a registry's answer to a missing or wrong password."""
    return Refused(401, "UNAUTHORIZED", "authentication required")
