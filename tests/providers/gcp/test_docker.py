"""A node with `build: {docker: true}`: the user's Docker builds its image, and nothing else changes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from docs.generate.mocks.gcp import PROJECT
from docs.generate.recorder import DOCKER_DIGEST
from tests.providers.gcp.program import Program
from tests.providers.objections import docker_image

ALPHA, BETA = "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01", "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c02"
TEXT = f"""
defaults: {{cloud: gcp, source: m, region: europe-west1, build: {{docker: true}}}}
nodes:
  alpha: {{model: {ALPHA}, schedule: "0 13 * * *"}}
  beta: {{model: {BETA}, build: {{docker: false}}}}
"""


@pytest.fixture
def two(program: Callable[..., Program]) -> Program:
    return program(TEXT)


def test_the_image_is_pushed_to_the_clusters_repository_with_the_deployers_token(two: Program) -> None:
    images = two.find(":Repository", "gcp-europe-west1-images").inputs["repositoryId"]
    repository = f"europe-west1-docker.pkg.dev/{PROJECT}/{images}/alpha"
    docker_image(two, "alpha", repository, "oauth2accesstoken", "planted-deployer-token")
    job = two.find("cloudrunv2/job:Job", "alpha")
    assert job.inputs["template"]["template"]["containers"][0]["image"] == f"{repository}@{DOCKER_DIGEST}"
    assert not job.secrets


def test_there_are_no_more_resources_and_the_others_are_built_as_ever(two: Program) -> None:
    assert len(two.list_owned("alpha")) <= 6
    assert [each.name for each in two.list_resources(":ImageBuild")] == ["beta@europe-west1"]
