"""A job's code gets the rights of its node only."""

from __future__ import annotations

import json
from typing import Any

import pytest

from policies.resource import UNKNOWN
from tests.policies.single_rule import run_rule

RULE = "rights-of-jobs"
ROLES = "arn:aws:iam::123456789012:role/prediction-nodes-dev"


def run(type_: str, props: dict[str, Any], name: str = "alpha") -> list[str]:
    return run_rule(RULE, type_, props, "node", name)


@pytest.mark.parametrize("role", [None, f"{ROLES}/alpha-job-1a2b3c4"])
def test_an_own_role_on_aws(role: str | None) -> None:
    container = json.dumps({"image": "i", **({"jobRoleArn": role} if role else {})})
    assert run("aws:batch/jobDefinition:JobDefinition", {"containerProperties": container}, "alpha@us-east-1") == []
    assert run("aws:batch/jobDefinition:JobDefinition", {"containerProperties": UNKNOWN}, "alpha@us-east-1") == []


@pytest.mark.parametrize(
    "role",
    [
        f"{ROLES}/aws-us-east-1-trigger-1a2b3c4",
        f"{ROLES}/aws-us-east-1-run-1a2b3c4",
        f"{ROLES}/beta-job-1a2b3c4",
        "arn:aws:iam::123456789012:role/admin",
    ],
)
def test_another_role_on_aws(role: str) -> None:
    container = json.dumps({"image": "i", "jobRoleArn": role})
    (sentence,) = run("aws:batch/jobDefinition:JobDefinition", {"containerProperties": container}, "alpha@us-east-1")
    assert sentence == f"the job's code gets the role {role}, which is not the node's own."


def test_who_may_assume_a_node_s_role() -> None:
    for service, sentences in (("ecs-tasks.amazonaws.com", 0), ("lambda.amazonaws.com", 1)):
        policy = json.dumps({"Statement": [{"Effect": "Allow", "Principal": {"Service": service}}]})
        assert len(run("aws:iam/role:Role", {"assumeRolePolicy": policy})) == sentences


@pytest.mark.parametrize(
    ("account", "sentences"),
    [
        ("run-1a2b3@my-project.iam.gserviceaccount.com", 0),
        (UNKNOWN, 0),
        (None, 1),
        ("123456-compute@developer.gserviceaccount.com", 1),
        ("my-project@appspot.gserviceaccount.com", 1),
    ],
)
def test_accounts_on_google_cloud(account: Any, sentences: int) -> None:
    props = {"template": {"template": {"serviceAccount": account}}}
    assert len(run("gcp:cloudrunv2/job:Job", props)) == sentences


def azure_job(*lifecycles: str | None, type_: str = "UserAssigned") -> dict[str, Any]:
    """Return a job whose first identity reads its secrets and images."""
    identities = [f"/identities/{number}" for number in range(len(lifecycles))]
    return {
        "identity": {"type": type_, "userAssignedIdentities": identities},
        "configuration": {
            "identitySettings": [
                {"identity": identity, "lifecycle": lifecycle}
                for identity, lifecycle in zip(identities, lifecycles, strict=True)
                if lifecycle
            ],
            "registries": [{"identity": identities[0]}],
            "secrets": [{"identity": identities[0]}],
        },
    }


def test_identities_on_azure() -> None:
    assert run("azure-native:app:Job", azure_job("None")) == []
    assert run("azure-native:app:Job", azure_job("None", "Main")) == []
    assert run("azure-native:app:Job", {"identity": UNKNOWN, "configuration": UNKNOWN}) == []
    for lifecycles in (("Main",), ("All",), (None,), ("None", None)):
        (sentence,) = run("azure-native:app:Job", azure_job(*lifecycles))
        assert "can get tokens for /identities/" in sentence
    (sentence,) = run("azure-native:app:Job", azure_job("None", type_="SystemAssigned,UserAssigned"))
    assert "system-assigned" in sentence
