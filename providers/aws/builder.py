"""The image builder of one region: a CodeBuild project that all nodes share. The start of a build supplies its details.

Its role may read sources from the cluster's bucket, push to the repositories of this stack only, and write to one log
group. Each build runs on a separate machine, which is deleted afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

from providers.aws import roles
from providers.aws.buildspec import BUILDSPEC

MACHINE = "aws/codebuild/amazonlinux-x86_64-standard:5.0"
BUILD_MINUTES, QUEUE_MINUTES = 60, 30


class Builder:
    """The CodeBuild `project`, and `grants`: the resources that must exist before the first build."""

    def __init__(
        self,
        name: str,
        region: str,
        bucket: aws.s3.Bucket,
        repositories: pulumi.Output[str],
        logs: aws.cloudwatch.LogGroup,
        tags: Mapping[str, str],
        own: pulumi.ResourceOptions,
    ) -> None:
        role = roles.create_role(
            f"{name}-build",
            roles.build_trust_policy("codebuild.amazonaws.com"),
            tags,
            own,
            "Builds prediction nodes' images",
        )
        policy = roles.attach_policy(
            f"{name}-build",
            role,
            pulumi.Output.all(repositories, bucket.arn, logs.arn).apply(lambda arns: roles.build_builder_policy(*arns)),
            own,
        )
        self.project = aws.codebuild.Project(
            name,
            description="Images of prediction nodes",
            service_role=role.arn,
            build_timeout=BUILD_MINUTES,
            queued_timeout=QUEUE_MINUTES,
            artifacts=aws.codebuild.ProjectArtifactsArgs(type="NO_ARTIFACTS"),
            environment=aws.codebuild.ProjectEnvironmentArgs(
                type="LINUX_CONTAINER",
                compute_type="BUILD_GENERAL1_SMALL",
                image=MACHINE,
                privileged_mode=True,  # required to run Docker on the build's machine
            ),
            # No source: CodeBuild itself accepts archives only as .zip, so the buildspec downloads the archive.
            source=aws.codebuild.ProjectSourceArgs(type="NO_SOURCE", buildspec=BUILDSPEC),
            # Without a group, CodeBuild would create its own, which keeps logs for ever.
            logs_config=aws.codebuild.ProjectLogsConfigArgs(
                cloudwatch_logs=aws.codebuild.ProjectLogsConfigCloudwatchLogsArgs(
                    status="ENABLED", group_name=logs.name
                )
            ),
            region=region,
            tags=dict(tags),
            opts=own,
        )
        self.grants: list[pulumi.Resource] = [policy]
