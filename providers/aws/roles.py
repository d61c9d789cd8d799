"""The roles on AWS and their policy documents.

Each policy belongs to one role, and each role to one service and one cluster (those that start jobs also to one Numerai
account). A running job has no role unless nodes.yaml names policies for it (`job_role`). Only
`ecr:GetAuthorizationToken`, `batch:ListJobs` and `batch:DescribeJobs`, which cannot be limited to a resource, are
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
TABLE = "table"
"""The folder of the cluster's bucket whose objects' names are the trigger's table."""
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


def build_trigger_policy(log_group: str, bucket: str, definitions: str, queues: Sequence[str]) -> str:
    """Return the trigger's policy: write its log, read the table, create and read claims, start and list jobs.

    PutObject alone could also overwrite objects. The condition on `s3:if-none-match` limits it to new objects.
    `definitions` is the pattern for the ARNs of the stack's job definitions, with and without their revisions.
    """
    claims = f"{bucket}/{CLAIMS}/*"
    return write_policy(
        allow(WRITE_LOGS, [f"{log_group}:*"]),
        allow(["s3:PutObject"], [claims], {"Null": {"s3:if-none-match": "false"}}),
        allow(["s3:GetObject"], [claims]),
        allow(["s3:ListBucket"], [bucket], {"StringLike": {"s3:prefix": [f"{CLAIMS}/*", f"{TABLE}/*"]}}),
        allow(["batch:SubmitJob"], [*queues, definitions]),
        allow(["batch:ListJobs"], ["*"]),
    )


def build_keys_policy(secret: str) -> str:
    """Return the policy with which a trigger reads an account's keys, to ask Numerai for submissions."""
    return write_policy(allow(["secretsmanager:GetSecretValue"], [secret]))


def build_alerts_policy(secret: str, logs: str, topics: Sequence[str]) -> str:
    """Return the policy with which a trigger sends alerts: read the addresses, read jobs' logs, publish e-mails.

    Empty ARNs are left out.
    """
    return write_policy(
        *([allow(["secretsmanager:GetSecretValue"], [secret])] if secret else []),
        *([allow(["logs:GetLogEvents"], [f"{logs}:*"]), allow(["batch:DescribeJobs"], ["*"])] if logs else []),
        *([allow(["sns:Publish"], topics)] if topics else []),
    )


def build_execution_policy(repositories: str, log_group: str, *secrets: str) -> str:
    """Return the policy for the start of jobs' containers: pull images, write the log, read the account's secrets."""
    return write_policy(
        allow(["ecr:GetAuthorizationToken"], ["*"]),
        allow(PULL, [repositories]),
        allow(WRITE_LOGS, [f"{log_group}:*"]),
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


def build_scheduler_policy(function: str) -> str:
    """Return the scheduler's policy: call the region's trigger."""
    return write_policy(allow(["lambda:InvokeFunction"], [function]))


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
