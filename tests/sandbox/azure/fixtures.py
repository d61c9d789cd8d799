"""Fixtures: a simulated Azure behind a real gateway, and the environment of its deployer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.azure.cloud import AzureCloud
from sandbox.cloud import Kernel
from tests.sandbox.azure.cloud import Azure
from tests.sandbox.networked import networked


@pytest.fixture
def deployer(azure: Azure, monkeypatch: pytest.MonkeyPatch) -> str:
    """Set the sandbox's network for this process; return a token of the deployer."""
    for name, value in azure.network.environment("deployer").items():
        monkeypatch.setenv(name, value)
    return azure.token()


@pytest.fixture
def azure(kernel: Kernel, tmp_path: Path) -> Iterator[Azure]:
    with networked(kernel, tmp_path, AzureCloud) as (cloud, network):
        yield Azure(cloud, network)
