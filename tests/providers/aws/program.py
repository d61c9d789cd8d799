"""What AWS nodes register under Pulumi's mocks, and what the provider objects to in it."""

from __future__ import annotations

from docs.generate import recorder
from docs.generate.recorder import Registered
from tests.providers.objections import objections


class Program(recorder.Program):
    """The clusters and nodes of a nodes.yaml, registered."""


def problems(resource: Registered) -> list[tuple[str, str]]:
    """What the SDK's types and the provider's schema say against the inputs."""
    return objections("aws", resource)
