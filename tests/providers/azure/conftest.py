"""The Azure components under Pulumi's mocks: every registered resource with its inputs, parent and dependencies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from docs.generate import recorder
from docs.generate.mocks.azure import Mocks
from docs.generate.recorder import Registered, place, registered
from tests.providers.objections import objections
from tests.sandbox.azure.conftest import azure as azure
from tests.sandbox.azure.conftest import deployer as deployer
from tests.sandbox.conftest import kernel as kernel


class Program(recorder.Program):
    """The clusters and nodes of a nodes.yaml, registered."""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Program]:
    """Registers the nodes of a nodes.yaml's text."""
    monkeypatch.chdir(tmp_path)
    place(tmp_path)

    def register(text: str, project: str = "prediction-nodes", stack_name: str = "dev") -> Program:
        return Program(*registered(Mocks(), text, project, stack_name))

    return register


def problems(resource: Registered) -> list[tuple[str, str]]:
    """What the SDK's types and Microsoft's say against the inputs."""
    return objections("azure-native", resource)
