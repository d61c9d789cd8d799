"""Permission checks: wildcards, conditions, denials, trust."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.aws.iam import holds, matches, policy_problem
from sandbox.cloud import CloudError
from tests.sandbox.aws.cloud import Aws, trust


@pytest.mark.parametrize(
    ("pattern", "text", "same"),
    [
        ("arn:x/a/*", "arn:x/a/b/c", True),
        ("arn:x/a/*", "arn:x/ab", False),
        ("arn:x:job-definition/a:*", "arn:x:job-definition/a:7", True),
        ("arn:x:job-definition/a:*", "arn:x:job-definition/a", False),
        ("a?c", "abc", True),
        ("a.c", "abc", False),
        ("[a]", "a", False),
    ],
)
def test_wildcards(pattern: str, text: str, same: bool) -> None:
    assert matches(pattern, text) is same


@pytest.mark.parametrize(
    ("condition", "context", "true"),
    [
        (None, {}, True),
        ({"Null": {"k": "false"}}, {"k": "*"}, True),
        ({"Null": {"k": "false"}}, {}, False),
        ({"StringLike": {"k": "a/*"}}, {"k": "a/b"}, True),
        ({"StringLike": {"k": "a/*"}}, {"k": "a"}, False),
        ({"StringLike": {"k": "a/*"}}, {}, False),
        ({"StringEquals": {"k": ["a", "b"]}}, {"k": "b"}, True),
        ({"ArnLike": {"k": "arn:*"}, "StringEquals": {"j": "1"}}, {"k": "arn:x", "j": "2"}, False),
        ({"IpAddress": {"k": "1.2.3.4"}}, {"k": "1.2.3.4"}, False),
    ],
)
def test_conditions(condition: dict[str, Any] | None, context: dict[str, str], true: bool) -> None:
    assert holds(condition, context) is true


def test_a_denial_wins(aws: Aws) -> None:
    allow = {"Effect": "Allow", "Action": ["s3:*"], "Resource": "*"}
    deny = {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "arn:secret"}
    role = aws.role("r", "lambda.amazonaws.com", json.dumps({"Statement": [allow, deny]}))
    assert aws.cloud.access.is_allowed(role.id, "s3:GetObject", "arn:open")
    assert not aws.cloud.access.is_allowed(role.id, "s3:GetObject", "arn:secret")
    assert not aws.cloud.access.is_allowed(role.id, "batch:SubmitJob", "arn:open")


def test_trust_names_service_and_circumstances(aws: Aws) -> None:
    condition = {"ArnLike": {"aws:SourceArn": "arn:group"}}
    role = aws.role("r", "scheduler.amazonaws.com", json.dumps({"Statement": []}), condition)
    access = aws.cloud.access
    assert access.assumable(role["arn"], "scheduler.amazonaws.com", {"aws:SourceArn": "arn:group"}) is not None
    assert access.assumable(role["arn"], "scheduler.amazonaws.com", {"aws:SourceArn": "arn:other"}) is None
    assert access.assumable(role["arn"], "lambda.amazonaws.com", {"aws:SourceArn": "arn:group"}) is None


@pytest.mark.parametrize(
    ("text", "is_trust"),
    [
        ("{", False),
        ("{}", False),
        ('{"Statement":[{"Effect":"Allow","Action":"a"}]}', False),
        ('{"Statement":[{"Effect":"Maybe","Action":"a","Resource":"*"}]}', False),
        ('{"Statement":[{"Effect":"Allow","Action":"a","Resource":[]}]}', False),
        ('{"Statement":[{"Effect":"Allow","Action":"a","Resource":"*"}]}', True),
        (trust("x"), False),
    ],
)
def test_documents_that_iam_refuses(text: str, is_trust: bool) -> None:
    assert policy_problem(text, is_trust)


def test_a_role_with_policies_stays(aws: Aws) -> None:
    role = aws.role("r", "lambda.amazonaws.com", '{"Statement":[]}')
    with pytest.raises(CloudError, match="DeleteConflict"):
        aws.remove(role)


def test_sts_says_who_one_is(aws: Aws) -> None:
    role = aws.role("r", "lambda.amazonaws.com", '{"Statement":[]}')
    assert aws.client("sts").get_caller_identity()["Arn"].endswith(":user/deployer")
    assert f":assumed-role/{role.id}/" in aws.client("sts", role).get_caller_identity()["Arn"]
