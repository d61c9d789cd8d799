"""The resources that AWS nodes register under Pulumi's mocks, and the provider's objections to them."""

from __future__ import annotations

from docs.generate import recorder
from docs.generate.recorder import Registered
from tests.providers.objections import objections


class Program(recorder.Program):
    """The registered clusters and nodes of a nodes.yaml."""


def problems(resource: Registered) -> list[tuple[str, str]]:
    """Return the objections of the SDK's types and the provider's schema to the inputs."""
    return objections("aws", resource)
