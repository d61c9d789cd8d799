"""A node with `build: {docker: true}`: the user's Docker builds its image, and nothing else changes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from docs.generate.mocks.aws import ACCOUNT
from docs.generate.recorder import DOCKER_DIGEST
from tests.providers.aws.program import Program
from tests.providers.objections import docker_image

ALPHA, BETA = "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01", "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c02"
TEXT = f"""
defaults: {{cloud: aws, source: m, region: eu-west-1, build: {{docker: true}}}}
nodes:
  alpha: {{model: {ALPHA}, schedule: "0 13 * * *"}}
  beta: {{model: {BETA}, build: {{docker: false}}}}
"""


@pytest.fixture
def two(program: Callable[..., Program]) -> Program:
    return program(TEXT)


def test_the_image_is_pushed_to_the_nodes_repository_with_a_password_of_its_region(two: Program) -> None:
    repository = (
        f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/{two.find(':Repository', 'alpha@eu-west-1').inputs['name']}"
    )
    docker_image(two, "alpha", repository, "AWS", "planted-password-eu-west-1")
    job = two.find(":JobDefinition", "alpha@eu-west-1")
    assert f'"image": "{repository}@{DOCKER_DIGEST}"' in job.inputs["containerProperties"]
    assert not job.secrets


def test_there_are_no_more_resources_and_the_others_are_built_as_ever(two: Program) -> None:
    assert len(two.list_owned("alpha")) == 6
    assert [each.name for each in two.list_resources(":ImageBuild")] == ["beta"]
