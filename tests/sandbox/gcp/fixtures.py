"""Fixtures: a simulated Google Cloud behind a real gateway, and the environment of its deployer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.cloud import Kernel
from sandbox.gcp.cloud import GcpCloud
from tests.sandbox.gcp.cloud import Google
from tests.sandbox.networked import networked


@pytest.fixture
def deployer(google: Google, monkeypatch: pytest.MonkeyPatch) -> str:
    """Set the sandbox's network for this process; return a token of the deployer."""
    for name, value in google.network.environment("deployer").items():
        monkeypatch.setenv(name, value)
    return google.token()


@pytest.fixture
def google(kernel: Kernel, tmp_path: Path) -> Iterator[Google]:
    with networked(kernel, tmp_path, GcpCloud) as (cloud, network):
        yield Google(cloud, network)
