"""Who may do what on AWS: every policy document of this program, by what it is for.

Each policy belongs to one role, each role to one service and (but for scheduler, builder and machines) to one node. A
job has no role at all at run time. The only bare `*` is `ecr:GetAuthorizationToken`, which knows no resource.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from providers.aws import names

PULL = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
PUSH = [*PULL, "ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage"]
WRITE_LOGS = ["logs:CreateLogStream", "logs:PutLogEvents"]
CLAIMS = "claims"
"""The folder of the cluster's bucket that holds a folder of claims for each node."""
SOURCES = "source"
"""The folder of the cluster's bucket that holds what the builder builds."""

Statement = dict[str, Any]


def document(*statements: Statement) -> str:
    """A policy, the same text for the same statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, sort_keys=True, separators=(",", ":"))


def allow(actions: Sequence[str], resources: Sequence[str], condition: Mapping[str, Any] | None = None) -> Statement:
    """One statement."""
    allowed: Statement = {"Effect": "Allow", "Action": list(actions), "Resource": list(resources)}
    return allowed | ({"Condition": dict(condition)} if condition else {})


def trust(service: str, condition: Mapping[str, Any] | None = None) -> str:
    """Who may take a role on: one service, where it supports that only for this account or this resource."""
    assume: Statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
    return document(assume | ({"Condition": dict(condition)} if condition else {}))


def trigger(log_group: str, bucket: str, node: str, queue: str, definition: str) -> str:
    """Write its own log, create and read its own node's claims, start its own node's job.

    PutObject alone would also overwrite. With `s3:if-none-match` demanded, what exists can never be written again.
    `definition` has no revision. AWS's guide says that a start by name is checked against the revision the name stands
    for; refusals that others met name the definition without one. So both are allowed: they are the same definition.
    """
    own = f"{CLAIMS}/{node}/*"
    return document(
        allow(WRITE_LOGS, [f"{log_group}:*"]),
        allow(["s3:PutObject"], [f"{bucket}/{own}"], {"Null": {"s3:if-none-match": "false"}}),
        allow(["s3:GetObject"], [f"{bucket}/{own}"]),
        allow(["s3:ListBucket"], [bucket], {"StringLike": {"s3:prefix": own}}),
        allow(["batch:SubmitJob"], [queue, definition, f"{definition}:*"]),
    )


def execution(repository: str, log_group: str, node: str, secrets: Sequence[str]) -> str:
    """What AWS does on a job's behalf before its container runs: pull, open its log, read the keys by reference."""
    return document(
        allow(["ecr:GetAuthorizationToken"], ["*"]),
        allow(PULL, [repository]),
        allow(WRITE_LOGS, [f"{log_group}:log-stream:{node}/*"]),
        allow(["secretsmanager:GetSecretValue"], secrets),
    )


def builder(repositories: str, bucket: str, log_group: str) -> str:
    """Read sources, push to this stack's repositories (an ARN that ends in /*), write its own log."""
    return document(
        allow(["ecr:GetAuthorizationToken"], ["*"]),
        allow(PUSH, [repositories]),
        allow(["s3:GetObject"], [f"{bucket}/{SOURCES}/*"]),
        allow(WRITE_LOGS, [f"{log_group}:*"]),
    )


def scheduler(functions: Sequence[str]) -> str:
    """Call the functions of the nodes that have a schedule."""
    return document(allow(["lambda:InvokeFunction"], functions))


def role(
    name: str, assume: pulumi.Input[str], tags: Mapping[str, str], opts: pulumi.ResourceOptions, title: str
) -> aws.iam.Role:
    """A role that nobody but a service can take on."""
    return aws.iam.Role(
        name,
        path=names.path(pulumi.get_project(), pulumi.get_stack()),
        assume_role_policy=assume,
        description=title,
        tags=dict(tags),
        opts=opts,
    )


def attach(name: str, to: aws.iam.Role, policy: pulumi.Input[str], opts: pulumi.ResourceOptions) -> aws.iam.RolePolicy:
    """Give a role its policy."""
    return aws.iam.RolePolicy(name, role=to.name, policy=policy, opts=opts)
