"""Fixtures: a program under Pulumi's mocks, and the sandbox's cloud for calls of a real cloud."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from docs.generate.mocks.gcp import Mocks
from docs.generate.recorder import place, registered
from tests.providers.gcp.program import Program
from tests.sandbox.fixtures import kernel
from tests.sandbox.gcp.fixtures import deployer, google

__all__ = ["deployer", "google", "kernel", "program"]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Program]:
    """Return a function that registers the nodes in the text of a nodes.yaml."""
    monkeypatch.chdir(tmp_path)
    place(tmp_path)

    def register(
        text: str,
        project: str = "prediction-nodes",
        stack_name: str = "dev",
        webhook_key: str = "planted-webhook-key",
    ) -> Program:
        return Program(*registered(Mocks(), text, project, stack_name, webhook_key))

    return register
