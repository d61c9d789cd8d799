"""Roles on Google Cloud: no basic roles, no broad roles on a project, no wildcards, no removal of others' roles."""

from __future__ import annotations

import pytest

from policies.resource import UNKNOWN
from tests.policies.single_rule import run_rule

PROJECT, BUCKET = "gcp:projects/iAMMember:IAMMember", "gcp:storage/bucketIAMMember:BucketIAMMember"
RULE = "no-wildcard-on-gcp"


@pytest.mark.parametrize("type_", [PROJECT, BUCKET, "gcp:cloudrunv2/jobIamMember:JobIamMember"])
@pytest.mark.parametrize("role", ["roles/owner", "roles/editor", "roles/viewer"])
def test_a_basic_role(type_: str, role: str) -> None:
    assert "basic role" in run_rule(RULE, type_, {"role": role, "member": "serviceAccount:a"})[0]


@pytest.mark.parametrize(
    "role", ["roles/storage.admin", "roles/resourcemanager.projectIamAdmin", "roles/iam.serviceAccountTokenCreator"]
)
def test_a_broad_role_on_a_project_and_on_one_resource(role: str) -> None:
    assert "the resource that needs it" in run_rule(RULE, PROJECT, {"role": role})[0]
    assert run_rule(RULE, BUCKET, {"role": role}) == []


@pytest.mark.parametrize("role", ["roles/logging.logWriter", "roles/storage.objectViewer", "projects/p/roles/runner"])
def test_a_small_role(role: str) -> None:
    assert run_rule(RULE, PROJECT, {"role": role}) == []
    assert run_rule(RULE, PROJECT, {"role": UNKNOWN}) == []


@pytest.mark.parametrize("type_", ["gcp:projects/iAMBinding:IAMBinding", "gcp:projects/iAMPolicy:IAMPolicy"])
def test_resources_that_remove_the_roles_of_others(type_: str) -> None:
    assert "replaces the roles of other members" in run_rule(RULE, type_, {"role": "roles/logging.logWriter"})[0]


def test_permissions_of_a_custom_role() -> None:
    role = "gcp:projects/iAMCustomRole:IAMCustomRole"
    assert "storage.objects.*" in run_rule(RULE, role, {"permissions": ["run.jobs.run", "storage.objects.*"]})[0]
    assert run_rule(RULE, role, {"permissions": ["run.jobs.run"]}) == []
