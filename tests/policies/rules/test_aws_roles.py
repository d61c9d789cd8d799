"""Policies on AWS name actions and resources, only services assume roles, and one managed policy is allowed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from policies.resource import UNKNOWN
from policies.rules.aws_roles import TRIGGER, is_wildcard
from tests.policies.single_rule import run_rule

BUCKET = "arn:aws:s3:::claims-1a2b"


def policy(**statement: Any) -> list[str]:
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]}
    sentences = run_rule("no-wildcard-on-aws", "aws:iam/rolePolicy:RolePolicy", {"policy": json.dumps(document)})
    assert sentences == run_rule("no-wildcard-on-aws", "aws:iam/rolePolicy:RolePolicy", {"policy": document})
    return sentences


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
        "arn:aws:ecr:us-east-1:1:repository/other-stack/*",
        "arn:aws:ecr:us-east-1:1:repository/prediction-nodes-dev*",
        "arn:aws:batch:us-east-1:1:job-definition/prediction-nodes-dev*",
        "arn:aws:batch:us-east-1:1:job-definition/prediction-nodes-de__*",
        "arn:aws:batch:us-east-1:1:job-definition/prediction-nodes-dev__*x",
        "arn:aws:batch:*:1:job-definition/prediction-nodes-dev__*",
        "arn:aws:lambda:us-east-1:1:function:prediction-nodes-dev__*",
    ],
)
def test_a_wildcard_resource(arn: str) -> None:
    assert is_wildcard(arn, "prediction-nodes-dev")
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
        "arn:aws:ecr:us-east-1:1:repository/prediction-nodes-dev/*",
        "arn:aws:batch:us-east-1:1:job-definition/prediction-nodes-dev__*",
    ],
)
def test_a_named_resource_and_its_contents(arn: str) -> None:
    assert policy(Action=["s3:GetObject"], Resource=[arn]) == []


def test_only_actions_without_resources_may_have_a_bare_star() -> None:
    assert policy(Action=["ecr:GetAuthorizationToken"], Resource="*") == []
    assert policy(Action=["ecr:GetAuthorizationToken", "ecr:PutImage"], Resource="*") != []


def test_a_triggers_role_has_nothing_else() -> None:
    def check(place: str, **statement: Any) -> list[str]:
        document = {"Statement": [{"Effect": "Allow", "Resource": f"{BUCKET}/claims/*", **statement}]}
        props = {"policy": json.dumps(document)}
        return run_rule("no-wildcard-on-aws", "aws:iam/rolePolicy:RolePolicy", props, place)

    new_only = {"Null": {"s3:if-none-match": "false"}}
    assert check("trigger", Action=sorted(TRIGGER), Condition=new_only) == []
    for action in ("s3:DeleteObject", "secretsmanager:GetSecretValue", "iam:PassRole", "batch:RegisterJobDefinition"):
        assert f"may not {action}" in check("trigger", Action=action)[0]
        assert check("cluster", Action=action) == []
    for condition in ({}, {"Null": {"s3:if-none-match": "true"}}, {"StringEquals": {"s3:if-none-match": "*"}}):
        assert "overwrite claims" in check("trigger", Action="s3:PutObject", Condition=condition)[0]
    agent = {"policyArn": "arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role"}
    type_ = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
    assert "only have its own policy" in run_rule("no-wildcard-on-aws", type_, agent, "trigger")[0]


def test_inverted_statements_are_wildcards_too() -> None:
    assert "NotAction" in policy(NotAction="iam:*", Resource=BUCKET)[0]
    assert "NotResource" in policy(Action="s3:GetObject", NotResource=BUCKET)[0]


def test_denials_may_have_wildcards_and_unknown_policies_pass() -> None:
    document = json.dumps({"Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}})
    assert run_rule("no-wildcard-on-aws", "aws:iam/policy:Policy", {"policy": document}) == []
    assert run_rule("no-wildcard-on-aws", "aws:iam/policy:Policy", {"policy": UNKNOWN}) == []


@pytest.mark.parametrize(
    "principal",
    ["*", {"AWS": "*"}, {"Service": "lambda.amazonaws.com", "AWS": "arn:aws:iam::1:root"}, {"Federated": "x"}],
)
def test_only_services_assume_roles(principal: Any) -> None:
    trust = {"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}]}
    role = "aws:iam/role:Role"
    assert "only a service" in run_rule("no-wildcard-on-aws", role, {"assumeRolePolicy": json.dumps(trust)})[0]
    trust["Statement"][0]["Principal"] = {"Service": "lambda.amazonaws.com"}
    assert run_rule("no-wildcard-on-aws", role, {"assumeRolePolicy": json.dumps(trust)}) == []


def test_aws_managed_policies() -> None:
    type_, own = "aws:iam/rolePolicyAttachment:RolePolicyAttachment", "arn:aws:iam::aws:policy/"
    agent = f"{own}service-role/AmazonEC2ContainerServiceforEC2Role"
    assert run_rule("no-wildcard-on-aws", type_, {"policyArn": agent}) == []
    assert run_rule("no-wildcard-on-aws", type_, {"policyArn": agent}, managed=[]) != []
    assert run_rule("no-wildcard-on-aws", type_, {"policyArn": f"{own}AdministratorAccess"}) != []
    assert run_rule("no-wildcard-on-aws", "aws:iam/role:Role", {"managedPolicyArns": [f"{own}PowerUserAccess"]}) != []
    inline = {"inlinePolicies": [{"policy": '{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}'}]}
    assert len(run_rule("no-wildcard-on-aws", "aws:iam/role:Role", inline)) == 2
