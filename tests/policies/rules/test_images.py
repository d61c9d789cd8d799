"""Image tags cannot be moved, and jobs name a digest."""

from __future__ import annotations

import json
from typing import Any

import pytest

from policies.resource import UNKNOWN
from tests.policies.single_rule import run_rule

GOOGLE, AMAZON = "gcp:artifactregistry/repository:Repository", "aws:ecr/repository:Repository"
AZURE = "azure-native:containerregistry:Registry"


@pytest.mark.parametrize("value", ["MUTABLE", None, "IMMUTABLE_WITH_EXCLUSION"])
def test_tags_on_aws(value: str | None) -> None:
    assert run_rule("immutable-tags", AMAZON, {"imageTagMutability": value}) != []
    assert run_rule("immutable-tags", AMAZON, {"imageTagMutability": "IMMUTABLE"}) == []


def test_tags_on_google_cloud() -> None:
    assert run_rule("immutable-tags", GOOGLE, {"format": "DOCKER"}) != []
    assert run_rule("immutable-tags", GOOGLE, {"format": "PYTHON"}) == []
    assert run_rule("immutable-tags", GOOGLE, {"format": "DOCKER", "dockerConfig": {"immutableTags": True}}) == []
    assert run_rule("immutable-tags", GOOGLE, {"format": "DOCKER"}, name="gcp-us-central1-triggers") == []
    assert run_rule("immutable-tags", GOOGLE, {"format": "DOCKER"}, name="gcp-us-central1-triggers", mutable=[]) != []


def test_the_registry_on_azure() -> None:
    assert run_rule("immutable-tags", AZURE, {"adminUserEnabled": False}) == []
    assert "administrator" in run_rule("immutable-tags", AZURE, {"adminUserEnabled": True})[0]
    assert "anyone can pull" in run_rule("immutable-tags", AZURE, {"anonymousPullEnabled": True})[0]


def job(type_: str, image: Any) -> dict[str, Any]:
    if type_.startswith("aws:"):
        return {"containerProperties": json.dumps({"image": image})}
    containers = {"containers": [{"image": image}]}
    return {"template": {"template": containers} if type_.startswith("gcp:") else containers}


@pytest.mark.parametrize(
    "type_", ["aws:batch/jobDefinition:JobDefinition", "gcp:cloudrunv2/job:Job", "azure-native:app:Job"]
)
def test_jobs_name_a_digest(type_: str) -> None:
    assert run_rule("images-by-digest", type_, job(type_, "registry/alpha@sha256:" + "a1" * 32)) == []
    for image in ("registry/alpha:latest", "registry/alpha", "registry/alpha@sha256:short"):
        assert image in run_rule("images-by-digest", type_, job(type_, image))[0]
    assert run_rule("images-by-digest", "gcp:cloudrunv2/job:Job", job("gcp:", UNKNOWN)) == []
    assert run_rule("images-by-digest", type_, {"containerProperties": UNKNOWN, "template": UNKNOWN}) == []
