"""What a stood-in cloud's registry is to those who push from outside of it: a login, and a place for the image."""

from __future__ import annotations

from typing import Protocol

from sandbox.calls import Refused


class Registry(Protocol):
    """The registries of one cloud; each has hosts of its own."""

    def serves(self, host: str) -> bool:
        """Whether a host name is that of one of them."""

    def admit(self, repository: str, user: str, password: str) -> None:
        """Let somebody push to HOST/NAME, or raise Refused as the registry would."""

    def pushed(self, repository: str, digest: str) -> None:
        """Take note of an image that has been pushed."""


def unauthorized() -> Refused:
    """How a registry answers a wrong password, or none."""
    return Refused(401, "UNAUTHORIZED", "authentication required")
