"""The checks of the real providers: enums, patterns and required properties, and changes that replace a resource."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import schema, sdk_types
from sandbox.values import UNKNOWN

JOB = "azure-native:app:Job"


@pytest.mark.parametrize(
    ("inputs", "failure"),
    [
        ({}, ("resourceGroupName", "Missing required property 'resourceGroupName'")),
        (
            {"resourceGroupName": "g", "configuration": {"triggerType": "Now", "replicaTimeout": 1}},
            ("configuration.triggerType", "expected one of Schedule, Event, Manual, got 'Now'"),
        ),
        (
            {"resourceGroupName": "g", "configuration": {"triggerType": "Manual"}},
            ("configuration.replicaTimeout", "Missing required property 'configuration.replicaTimeout'"),
        ),
        ({"resourceGroupName": "a b"}, ("resourceGroupName", r"'a b' does not match ^[-\w\._\(\)]+$")),
        ({"resourceGroupName": "x" * 91}, ("resourceGroupName", f"{'x' * 91!r} has 91 characters, expected 1 to 90")),
    ],
)
def test_arm_rules(inputs: dict[str, Any], failure: tuple[str, str]) -> None:
    assert failure in list(schema.load("azure-native").check(JOB, inputs))


@pytest.mark.parametrize(
    ("inputs", "failure"),
    [
        ({}, ("push", "Missing required property 'push'")),
        (
            {"push": False, "registries": [{}]},
            ("registries[0].address", "Missing required property 'registries[0].address'"),
        ),
        (
            {"push": False, "network": "nowhere"},
            ("network", "expected one of default, host, none, got 'nowhere'"),
        ),
    ],
)
def test_docker_build_rules(inputs: dict[str, Any], failure: tuple[str, str]) -> None:
    assert failure in list(schema.load("docker-build").check("docker-build:index:Image", inputs))


def test_unknown_values_are_not_judged() -> None:
    assert list(schema.load("azure-native").check(JOB, {"resourceGroupName": UNKNOWN})) == []


@pytest.mark.parametrize(
    ("package", "type_", "path", "replaces"),
    [
        ("aws", "aws:ecr/repository:Repository", ("name",), True),
        ("aws", "aws:ecr/repository:Repository", ("encryptionConfigurations", 0, "encryptionType"), True),
        ("aws", "aws:ecr/repository:Repository", ("tags", "a"), False),
        ("aws", "aws:batch/jobDefinition:JobDefinition", ("containerProperties",), False),
        ("gcp", "gcp:cloudrunv2/job:Job", ("location",), True),
        ("gcp", "gcp:cloudrunv2/job:Job", ("template", "template", "timeout"), False),
    ],
)
def test_what_replaces(package: str, type_: str, path: tuple[str | int, ...], replaces: bool) -> None:
    assert schema.load(package).replaces(type_, path) is replaces


@pytest.mark.parametrize(
    ("type_", "inputs", "failure"),
    [
        ("aws:codebuild/project:Project", {}, ("artifacts", "Missing required property 'artifacts'")),
        (
            "aws:ecr/repository:Repository",
            {"imageScanningConfiguration": {"scanOnPush": True, "often": True}},
            (
                "imageScanningConfiguration.often",
                "unknown property 'imageScanningConfiguration.often' of RepositoryImageScanningConfiguration",
            ),
        ),
        (
            "gcp:cloudrunv2/job:Job",
            {
                "location": "x",
                "template": {"template": {"containers": [{"image": "i", "resources": {"limits": {"cpu": 1}}}]}},
            },
            ("template.template.containers[0].resources.limits.cpu", "expected str, got 1"),
        ),
        ("aws:ecr/repository:Repository", {"tags": ["a"]}, ("tags", "expected an object, got a list")),
        ("docker-build:index:Image", {}, ("push", "Missing required property 'push'")),
        ("docker-build:index:Image", {"push": False, "labels": {"a": 1}}, ("labels.a", "expected str, got 1")),
        ("aws:nowhere/thing:Thing", {}, ("", "the installed SDK has no resource type aws:nowhere/thing:Thing")),
    ],
)
def test_the_sdks_own_types(type_: str, inputs: dict[str, Any], failure: tuple[str, str]) -> None:
    assert failure in list(sdk_types.check(type_, inputs))


def test_right_inputs_pass_both() -> None:
    inputs = {"role": "r", "code": {"index.py": b""}, "environment": {"variables": {"A": "b"}}, "memorySize": 256}
    assert list(sdk_types.check("aws:lambda/function:Function", inputs)) == []
    assert list(schema.load("aws").check("aws:lambda/function:Function", inputs)) == []
