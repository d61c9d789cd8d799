"""A node with `build: {docker: true}`: the user's Docker builds its image, and nothing else changes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from docs.generate.recorder import DOCKER_DIGEST
from providers.azure import login
from tests.providers.azure.program import Program
from tests.providers.objections import docker_image

ALPHA, BETA = "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01", "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c02"
TEXT = f"""
defaults: {{cloud: azure, source: m, region: westeurope, build: {{docker: true}}}}
nodes:
  alpha: {{model: {ALPHA}, schedule: "0 13 * * *"}}
  beta: {{model: {BETA}, build: {{docker: false}}}}
"""


@pytest.fixture
def two(program: Callable[..., Program], monkeypatch: pytest.MonkeyPatch) -> Program:
    monkeypatch.setattr(login, "exchange", lambda server, token: f"{token} for {server}")
    return program(TEXT)


def test_the_image_is_pushed_to_the_clusters_registry_with_its_own_token(two: Program) -> None:
    job = two.find("app:Job", "alpha")
    server = job.inputs["configuration"]["registries"][0]["server"]
    user = "00000000-0000-0000-0000-000000000000"
    docker_image(two, "alpha", f"{server}/alpha", user, f"planted-deployer-token for {server}")
    assert job.inputs["template"]["containers"][0]["image"] == f"{server}/alpha@{DOCKER_DIGEST}"
    assert not job.secrets


def test_there_are_no_more_resources_and_the_others_are_built_as_ever(two: Program) -> None:
    assert len(two.list_owned("alpha")) <= 12
    assert [each.name for each in two.list_resources(":ImageBuild")] == ["beta@westeurope"]
