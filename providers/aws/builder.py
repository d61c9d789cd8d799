"""The image builder of one region: a CodeBuild project that all nodes share; a build's details come with its start.

Its role reads sources from the cluster's bucket, pushes to this stack's repositories and to no others, and writes one
log. A build runs in a machine of its own that is gone afterwards.
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
    """`project`, and `grants`: what must exist before the first build starts."""

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
        role = roles.role(
            f"{name}-build", roles.trust("codebuild.amazonaws.com"), tags, own, "Builds prediction nodes' images"
        )
        policy = roles.attach(
            f"{name}-build",
            role,
            pulumi.Output.all(repositories, bucket.arn, logs.arn).apply(lambda known: roles.builder(*known)),
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
                privileged_mode=True,  # Docker inside of the build's own machine needs it
            ),
            # Without a source of its own: the buildspec fetches the archive, which CodeBuild itself takes only as .zip.
            source=aws.codebuild.ProjectSourceArgs(type="NO_SOURCE", buildspec=BUILDSPEC),
            # Named, or CodeBuild makes a group of its own that forgets nothing.
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
