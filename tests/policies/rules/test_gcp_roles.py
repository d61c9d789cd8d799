"""Roles on Google Cloud: no basic roles, no broad roles on a project, no wildcards, no removal of others' roles."""

from __future__ import annotations

import pytest

from policies.resource import UNKNOWN
from policies.rules.gcp_roles import TRIGGER
from providers.gcp import roles
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


ROLE = "gcp:projects/iAMCustomRole:IAMCustomRole"


def test_a_trigger_s_role_has_its_permissions_and_no_others() -> None:
    assert set(roles.TRIGGER) == TRIGGER
    assert run_rule(RULE, ROLE, {"permissions": roles.TRIGGER}, "trigger") == []
    for permission in ("run.jobs.update", "storage.objects.delete", "secretmanager.versions.access"):
        assert permission in run_rule(RULE, ROLE, {"permissions": [*roles.TRIGGER, permission]}, "trigger")[0]
        assert run_rule(RULE, ROLE, {"permissions": [permission]}, "cluster") == []


def test_a_trigger_has_its_role_on_a_bucket_with_its_condition() -> None:
    right = {"bucket": "b", "role": "projects/p/roles/trigger", "member": "serviceAccount:a"}
    condition = roles.build_trigger_condition("b")
    assert run_rule(RULE, BUCKET, {**right, "condition": {"expression": condition}}, "trigger") == []
    assert run_rule(RULE, BUCKET, {**right, "condition": {"expression": UNKNOWN}}, "trigger") == []
    assert run_rule(RULE, BUCKET, {**right, "bucket": UNKNOWN, "condition": {"expression": condition}}, "trigger") == []
    for wrong in (None, {}, {"expression": ""}, {"expression": roles.build_trigger_condition("")}):
        assert "lacks the condition" in run_rule(RULE, BUCKET, {**right, "condition": wrong}, "trigger")[0], wrong
    wider = {"expression": f"{condition} || resource.type == 'storage.googleapis.com/Object'"}
    assert "lacks the condition" in run_rule(RULE, BUCKET, {**right, "condition": wider}, "trigger")[0]


def test_a_trigger_has_no_other_roles() -> None:
    secret = "gcp:secretmanager/secretIamMember:SecretIamMember"
    grant = {"role": "roles/secretmanager.secretAccessor", "member": "serviceAccount:a"}
    assert "does not need" in run_rule(RULE, secret, grant, "trigger")[0]
    assert run_rule(RULE, secret, grant, "cluster") == []
