"""Fixtures: a simulated AWS behind a real gateway, and the environment of its deployer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.aws import iam
from sandbox.aws.cloud import AwsCloud
from sandbox.cloud import Kernel
from tests.sandbox.aws.cloud import Aws
from tests.sandbox.networked import networked


@pytest.fixture
def deployer(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the environment that the deployer has in the sandbox's shell."""
    variables = {
        **aws.network.environment("deployer"),
        "AWS_ACCESS_KEY_ID": iam.DEPLOYER_KEY,
        "AWS_SECRET_ACCESS_KEY": "sandbox",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def aws(kernel: Kernel, tmp_path: Path) -> Iterator[Aws]:
    with networked(kernel, tmp_path, AwsCloud) as (cloud, network):
        yield Aws(cloud, network)
