"""All resources of the program pass every rule, and a worse program breaks the right rule."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from policies.pack import RESOURCE_RULES
from policies.resource import Resource
from policies.rules.tags import TAGGED
from providers.clouds import list_clouds
from tests.policies.registered import SECRETS, register_program
from tests.policies.single_rule import find_violations

CLOUDS = ("aws", "gcp", "azure")
SDKS = {"aws": "pulumi_aws", "gcp": "pulumi_gcp", "azure-native": "pulumi_azure_native"}


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, list[Resource]]]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("providers.azure.login.exchange", lambda _server, _token: "planted-registry-token")
        resources = {}
        for cloud in CLOUDS:
            patched.chdir(tmp_path_factory.mktemp(cloud))
            resources[cloud] = register_program(cloud)
        yield resources


@pytest.mark.parametrize("cloud", CLOUDS)
def test_the_program_breaks_no_rule(cloud: str, registered: dict[str, list[Resource]]) -> None:
    assert find_violations(registered[cloud], secrets=SECRETS) == []


LOGS = {"logConfiguration": {"options": {"awslogs-group": "jobs"}}}
# Cloud, a type that the program registers, a change that makes it worse, and the rule that must reject it.
BREAKS: list[tuple[str, str, dict[str, Any], str]] = [
    ("aws", "aws:iam:RolePolicy", {"policy": '{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}'},
     "no-wildcard-on-aws"),
    ("aws", "aws:cloudwatch:LogGroup", {"retentionInDays": None}, "log-retention-set"),
    ("aws", "aws:ecr:Repository", {"imageTagMutability": "MUTABLE"}, "immutable-tags"),
    ("aws", "aws:batch:JobDefinition", {"containerProperties": {"image": "alpha:latest", **LOGS}}, "images-by-digest"),
    ("aws", "aws:ec2:LaunchTemplate", {"blockDeviceMappings": [{"ebs": {}}]}, "encrypted-storage"),
    ("aws", "aws:s3:BucketPublicAccessBlock", {"blockPublicAcls": False}, "no-public-bucket"),
    ("aws", "aws:s3:BucketPublicAccessBlock", {"type": "gone"}, "every-bucket-blocked"),
    ("aws", "aws:s3:BucketObjectv2", {"key": "table/m/alpha/-/job/queue/yes/-/-"}, "only-triggers-are-public"),
    ("aws", "aws:lambda:Function", {"description": "planted-secret-key"}, "no-plaintext-key"),
    ("aws", "aws:secretsmanager:Secret", {"tags": {}}, "tags-present"),
    ("aws", "aws:iam:RolePolicyAttachment", {"policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"},
     "no-wildcard-on-aws"),
    ("azure", "azure-native:app:Job", {"identity": {"type": "SystemAssigned"}}, "rights-of-jobs"),
    ("gcp", "gcp:projects:IAMMember", {"role": "roles/editor"}, "no-wildcard-on-gcp"),
    ("gcp", "gcp:projects:IAMCustomRole", {"permissions": ["run.*"]}, "no-wildcard-on-gcp"),
    ("gcp", "gcp:artifactregistry:Repository", {"dockerConfig": {}}, "immutable-tags"),
    ("gcp", "gcp:storage:BucketObject", {"name": "table/model/alpha/-"}, "only-triggers-are-public"),
    ("gcp", "gcp:storage:BucketIAMMember", {"condition": None}, "no-wildcard-on-gcp"),
    ("gcp", "gcp:storage:Bucket", {"publicAccessPrevention": "inherited"}, "no-public-bucket"),
    ("gcp", "gcp:secretmanager:SecretIamMember", {"member": "allUsers"}, "only-triggers-are-public"),
    ("gcp", "gcp:cloudfunctionsv2:Function", {"description": "cGxhbnRlZC1zZWNyZXQta2V5"}, "no-plaintext-key"),
    ("gcp", "gcp:cloudrunv2:Job", {"labels": {"project": "p", "stack": "s"}}, "tags-present"),
    ("azure", "azure-native:authorization:RoleDefinition", {"permissions": [{"actions": ["*"]}]},
     "no-wildcard-on-azure"),
    ("azure", "azure-native:authorization:RoleAssignment", {"scope": "/subscriptions/s"}, "no-wildcard-on-azure"),
    ("azure", "azure-native:operationalinsights:Workspace", {"retentionInDays": 730}, "log-retention-set"),
    ("azure", "azure-native:containerregistry:Registry", {"adminUserEnabled": True}, "immutable-tags"),
    ("azure", "azure-native:storage:StorageAccount", {"minimumTlsVersion": "TLS1_0"}, "encrypted-storage"),
    ("azure", "azure-native:storage:StorageAccount", {"allowBlobPublicAccess": True}, "no-public-bucket"),
    ("azure", "azure-native:storage:BlobContainer", {"metadata": {"node": "alpha"}}, "only-triggers-are-public"),
    ("azure", "azure-native:keyvault:Vault", {"tags": {"project": "p"}}, "tags-present"),
]  # fmt: skip


@pytest.mark.parametrize(("cloud", "kind", "change", "rule"), BREAKS, ids=[f"{b[1]}-{b[3]}" for b in BREAKS])
def test_a_program_that_breaks_a_rule(
    cloud: str, kind: str, change: dict[str, Any], rule: str, registered: dict[str, list[Resource]]
) -> None:
    of_kind = [resource for resource in registered[cloud] if resource.kind == kind]
    first = max(of_kind, key=lambda resource: len(change.keys() & resource.props.keys()))
    bad = replace(first, props={**first.props, **change}, type=change.get("type", first.type))
    resources = [bad if resource is first else resource for resource in registered[cloud]]
    violations = find_violations(resources, secrets=SECRETS)
    assert {sentence.split(":")[0] for sentence in violations} == {rule}, violations
    assert not [sentence for sentence in violations if any(secret in sentence for secret in SECRETS)]


def test_each_rule_is_broken_above() -> None:
    rules = {rule.name for rule in RESOURCE_RULES} | {"every-bucket-blocked"}
    assert {rule for *_, rule in BREAKS} == rules


def test_every_type_that_supports_tags_is_listed(registered: dict[str, list[Resource]]) -> None:
    packages = {cloud.package for cloud in list_clouds()}
    resources = [resource for cloud in CLOUDS for resource in registered[cloud]]
    kinds = {resource.kind: resource.type for resource in resources if resource.type.split(":")[0] in packages}
    taggable = {kind for kind, type_ in kinds.items() if {"tags", "labels"} & list_inputs(type_)}
    # An object on S3 has at most ten tags, and bills do not show them.
    assert taggable == {*TAGGED, "aws:s3:BucketObjectv2"}
    for kind in TAGGED:
        assert TAGGED[kind] in list_inputs(kinds[kind])


def list_inputs(type_: str) -> set[str]:
    """Return the inputs of a type in the SDK, as Python names."""
    package, module, name = type_.split(":")
    folder = {"lambda": "lambda_"}.get(module.split("/")[0], module.split("/")[0])
    arguments = getattr(importlib.import_module(f"{SDKS[package]}.{folder}"), f"{name}Args")
    return set(inspect.signature(vars(arguments)["__init__"]).parameters)
