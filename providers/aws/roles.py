"""The roles on AWS and their policy documents.

Each policy belongs to one role, and each role to one service and one node (those of scheduler, builder and machines to
one cluster). A running job has no role. Only `ecr:GetAuthorizationToken`, which cannot be limited to a resource, is
allowed on `*`.
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
"""The folder of the cluster's bucket that holds the sources of images."""

Statement = dict[str, Any]


def write_policy(*statements: Statement) -> str:
    """Return a policy document. Equal statements give equal text."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, sort_keys=True, separators=(",", ":"))


def allow(actions: Sequence[str], resources: Sequence[str], condition: Mapping[str, Any] | None = None) -> Statement:
    """Return a statement that allows actions on resources."""
    allowed: Statement = {"Effect": "Allow", "Action": list(actions), "Resource": list(resources)}
    return allowed | ({"Condition": dict(condition)} if condition else {})


def build_trust_policy(service: str, condition: Mapping[str, Any] | None = None) -> str:
    """Return the trust policy of a role that one service may assume, under a condition if the service supports one."""
    assume: Statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
    return write_policy(assume | ({"Condition": dict(condition)} if condition else {}))


def build_trigger_policy(log_group: str, bucket: str, node: str, queue: str, definition: str) -> str:
    """Return the trigger's policy: write its log, create and read its node's claims, start its node's job.

    PutObject alone could also overwrite objects. The condition on `s3:if-none-match` limits it to new objects.
    `definition` has no revision. According to AWS's guide, a start by name is checked against the revision that the
    name stands for, but error messages reported by others name the definition without a revision. So both are allowed.
    """
    own = f"{CLAIMS}/{node}/*"
    return write_policy(
        allow(WRITE_LOGS, [f"{log_group}:*"]),
        allow(["s3:PutObject"], [f"{bucket}/{own}"], {"Null": {"s3:if-none-match": "false"}}),
        allow(["s3:GetObject"], [f"{bucket}/{own}"]),
        allow(["s3:ListBucket"], [bucket], {"StringLike": {"s3:prefix": own}}),
        allow(["batch:SubmitJob"], [queue, definition, f"{definition}:*"]),
    )


def build_execution_policy(repository: str, log_group: str, node: str, secrets: Sequence[str]) -> str:
    """Return the policy for the start of a job's container: pull the image, write the log, read the keys."""
    return write_policy(
        allow(["ecr:GetAuthorizationToken"], ["*"]),
        allow(PULL, [repository]),
        allow(WRITE_LOGS, [f"{log_group}:log-stream:{node}/*"]),
        allow(["secretsmanager:GetSecretValue"], secrets),
    )


def build_builder_policy(repositories: str, bucket: str, log_group: str) -> str:
    """Return the builder's policy: read sources, push to this stack's repositories (an ARN with /*), write logs."""
    return write_policy(
        allow(["ecr:GetAuthorizationToken"], ["*"]),
        allow(PUSH, [repositories]),
        allow(["s3:GetObject"], [f"{bucket}/{SOURCES}/*"]),
        allow(WRITE_LOGS, [f"{log_group}:*"]),
    )


def build_scheduler_policy(functions: Sequence[str]) -> str:
    """Return the scheduler's policy: call the functions of the nodes that have a schedule."""
    return write_policy(allow(["lambda:InvokeFunction"], functions))


def create_role(
    name: str, assume: pulumi.Input[str], tags: Mapping[str, str], opts: pulumi.ResourceOptions, title: str
) -> aws.iam.Role:
    """Create a role in the stack's path with the given trust policy."""
    return aws.iam.Role(
        name,
        path=names.name_role_path(pulumi.get_project(), pulumi.get_stack()),
        assume_role_policy=assume,
        description=title,
        tags=dict(tags),
        opts=opts,
    )


def attach_policy(
    name: str, to: aws.iam.Role, policy: pulumi.Input[str], opts: pulumi.ResourceOptions
) -> aws.iam.RolePolicy:
    """Attach a policy to a role."""
    return aws.iam.RolePolicy(name, role=to.name, policy=policy, opts=opts)
