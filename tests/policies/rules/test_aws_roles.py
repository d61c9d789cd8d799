"""Policies on AWS: named actions on named resources, services alone take roles on, one managed policy is known."""

from __future__ import annotations

import json
from typing import Any

import pytest

from policies.resource import UNKNOWN
from policies.rules.aws_roles import wildcard
from tests.policies.one import said

BUCKET = "arn:aws:s3:::claims-1a2b"


def policy(**statement: Any) -> list[str]:
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]}
    found = said("no-wildcard-on-aws", "aws:iam/rolePolicy:RolePolicy", {"policy": json.dumps(document)})
    assert found == said("no-wildcard-on-aws", "aws:iam/rolePolicy:RolePolicy", {"policy": document})
    return found


@pytest.mark.parametrize("action", ["*", "s3:*", "s3:Get*", "s3:GetObjec?"])
def test_a_wildcard_action(action: str) -> None:
    (sentence,) = policy(Action=[action, "s3:PutObject"], Resource=f"{BUCKET}/claims/*")
    assert sentence == f"the action {action} is a wildcard: name each action."


@pytest.mark.parametrize(
    "arn",
    [
        "*",
        "arn:aws:s3:::*",
        f"{BUCKET}*",
        "arn:aws:batch:*:1:job-queue/a",
        "arn:aws:batch:us-east-1:1:*",
        "arn:aws:batch:us-east-1:1:job-queue/*",
        "arn:aws:lambda:us-east-1:1:function:nodes-*",
        "arn:aws:ecr:us-east-1:1:repository/??",
    ],
)
def test_a_wildcard_resource(arn: str) -> None:
    assert wildcard(arn)
    (sentence,) = policy(Action="s3:GetObject", Resource=arn)
    assert sentence == f"the resource {arn} of s3:GetObject is a wildcard: name the resource."


@pytest.mark.parametrize(
    "arn",
    [
        BUCKET,
        f"{BUCKET}/claims/alpha/*",
        "arn:aws:logs:us-east-1:1:log-group:jobs:log-stream:alpha/*",
        "arn:aws:logs:us-east-1:1:log-group:jobs:*",
        "arn:aws:batch:us-east-1:1:job-definition/alpha:*",
        "arn:aws:ecr:us-east-1:1:repository/nodes-dev/*",
    ],
)
def test_a_named_resource_and_what_is_in_it(arn: str) -> None:
    assert policy(Action=["s3:GetObject"], Resource=[arn]) == []


def test_a_bare_star_is_for_actions_without_a_resource_alone() -> None:
    assert policy(Action=["ecr:GetAuthorizationToken"], Resource="*") == []
    assert policy(Action=["ecr:GetAuthorizationToken", "ecr:PutImage"], Resource="*") != []


def test_everything_else_is_a_wildcard_too() -> None:
    assert "NotAction" in policy(NotAction="iam:*", Resource=BUCKET)[0]
    assert "NotResource" in policy(Action="s3:GetObject", NotResource=BUCKET)[0]


def test_a_refusal_may_have_wildcards_and_what_is_not_known_passes() -> None:
    document = json.dumps({"Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}})
    assert said("no-wildcard-on-aws", "aws:iam/policy:Policy", {"policy": document}) == []
    assert said("no-wildcard-on-aws", "aws:iam/policy:Policy", {"policy": UNKNOWN}) == []


@pytest.mark.parametrize(
    "who", ["*", {"AWS": "*"}, {"Service": "lambda.amazonaws.com", "AWS": "arn:aws:iam::1:root"}, {"Federated": "x"}]
)
def test_only_services_take_roles_on(who: Any) -> None:
    trust = {"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": who}]}
    role = "aws:iam/role:Role"
    assert "only a service" in said("no-wildcard-on-aws", role, {"assumeRolePolicy": json.dumps(trust)})[0]
    trust["Statement"][0]["Principal"] = {"Service": "lambda.amazonaws.com"}
    assert said("no-wildcard-on-aws", role, {"assumeRolePolicy": json.dumps(trust)}) == []


def test_policies_of_awss_own() -> None:
    type_, own = "aws:iam/rolePolicyAttachment:RolePolicyAttachment", "arn:aws:iam::aws:policy/"
    agent = f"{own}service-role/AmazonEC2ContainerServiceforEC2Role"
    assert said("no-wildcard-on-aws", type_, {"policyArn": agent}) == []
    assert said("no-wildcard-on-aws", type_, {"policyArn": agent}, managed=[]) != []
    assert said("no-wildcard-on-aws", type_, {"policyArn": f"{own}AdministratorAccess"}) != []
    assert said("no-wildcard-on-aws", "aws:iam/role:Role", {"managedPolicyArns": [f"{own}PowerUserAccess"]}) != []
    inline = {"inlinePolicies": [{"policy": '{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}'}]}
    assert len(said("no-wildcard-on-aws", "aws:iam/role:Role", inline)) == 2
