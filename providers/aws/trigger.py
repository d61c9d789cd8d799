"""A node's trigger on AWS: a Lambda function with a public URL, whose role may start this node's job.

The URL is public (authorization type NONE), since Numerai cannot sign its calls. The token in the URL protects it;
`trigger.core` checks the token first. The provider itself adds the two statements that a public URL needs
(lambda:InvokeFunctionUrl and lambda:InvokeFunction by URL); declaring them here would conflict.
"""

from __future__ import annotations

import json

import pulumi
import pulumi_aws as aws

from nodefile import Node
from providers.aws import limits, names, roles
from providers.aws.archive import ARCHIVE
from providers.aws.cluster import Cluster
from providers.aws.schedule import write_expression
from providers.component import TYPE_PREFIX, Stack

RUNTIME = "python3.13"
# Lambda allots CPU in proportion to memory. With this much, loading boto3 takes well under a second.
MEMORY_MB = 512
TIMEOUT_SECONDS = 30


class Trigger(pulumi.ComponentResource):
    """The webhook of one node and its schedule."""

    url: pulumi.Output[str]
    """https://ID.lambda-url.REGION.on.aws/"""
    function: pulumi.Output[str]
    """The function's name."""
    logs: pulumi.Output[str]
    """The name of its log group."""

    def __init__(
        self,
        node: Node,
        cluster: Cluster,
        job: aws.batch.JobDefinition,
        stack: Stack,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(f"{TYPE_PREFIX}:aws:Trigger", node.name, None, opts)
        self._node, self._cluster, self._tags = node, cluster, stack.tags(node)
        self._own = pulumi.ResourceOptions(parent=self)
        self._queue = cluster.queues[limits.fit(node).platform]
        logs = cluster.create_log_group(f"{node.name}-trigger", self._tags, self._own)
        role = roles.create_role(
            f"{node.name}-trigger",
            roles.build_trust_policy("lambda.amazonaws.com"),
            self._tags,
            self._own,
            f"Trigger of the prediction node {node.name}",
        )
        policy = roles.attach_policy(
            f"{node.name}-trigger",
            role,
            pulumi.Output.all(logs.arn, cluster.bucket.arn, self._queue.arn, job.arn_prefix).apply(
                lambda arns: roles.build_trigger_policy(arns[0], arns[1], node.name, arns[2], arns[3])
            ),
            self._own,
        )
        function = self._create_function(role, policy, logs, job, stack)
        url = aws.lambda_.FunctionUrl(
            node.name,
            function_name=function.name,
            authorization_type="NONE",
            region=cluster.region,
            opts=self._own,
        )
        self.url, self.function, self.logs = url.function_url, function.name, logs.name
        if node.schedule:
            self._create_schedule(function, write_expression(node.schedule), node.schedule.timezone)
        self.register_outputs({"url": self.url})

    def _create_function(
        self,
        role: aws.iam.Role,
        policy: aws.iam.RolePolicy,
        logs: aws.cloudwatch.LogGroup,
        job: aws.batch.JobDefinition,
        stack: Stack,
    ) -> aws.lambda_.Function:
        node, cluster = self._node, self._cluster
        files = ARCHIVE.files()
        return aws.lambda_.Function(
            node.name,
            name=names.name_function(stack.project, stack.name, node.name),
            description=f"Webhook of the prediction node {node.name}",
            role=role.arn,
            runtime=RUNTIME,
            handler="index.handler",
            memory_size=MEMORY_MB,
            timeout=TIMEOUT_SECONDS,
            code=pulumi.AssetArchive({name: pulumi.StringAsset(text) for name, text in files.items()}),
            # Without a group, Lambda would create its own, which keeps logs for ever and is not deleted with the node.
            logging_config=aws.lambda_.FunctionLoggingConfigArgs(log_format="JSON", log_group=logs.name),
            environment=aws.lambda_.FunctionEnvironmentArgs(
                variables={
                    "NODE_NAME": node.name,
                    "MODEL_ID": stack.model_ids[node.name],
                    "TOKEN_SHA256": stack.token_sha256(node),
                    "NODE_ENABLED": "1" if node.enabled else "0",
                    "PACKAGE": ARCHIVE.digest(),
                    "CLAIMS_BUCKET": cluster.bucket.bucket,
                    "CLAIMS_PREFIX": f"{roles.CLAIMS}/{node.name}/",
                    "JOB_QUEUE": self._queue.arn,
                    # The name stands for the latest revision. So a new image or size does not change the function, and
                    # no start refers to a deleted revision.
                    "JOB_DEFINITION": job.name,
                }
            ),
            # No reserved concurrency: new accounts may have too little, and claims prevent duplicate runs anyway.
            region=cluster.region,
            tags=self._tags,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )

    def _create_schedule(self, function: aws.lambda_.Function, cron: str, timezone: str) -> None:
        node, cluster = self._node, self._cluster
        aws.scheduler.Schedule(
            node.name,
            group_name=cluster.schedules.name,
            description=f"Runs of the prediction node {node.name} beside its webhook",
            schedule_expression=cron,
            schedule_expression_timezone=timezone,
            state="ENABLED" if node.enabled else "DISABLED",
            flexible_time_window=aws.scheduler.ScheduleFlexibleTimeWindowArgs(mode="OFF"),
            target=aws.scheduler.ScheduleTargetArgs(
                arn=function.arn,
                role_arn=cluster.scheduler.arn,
                # The planned time identifies the run, so that retries by the scheduler do not start it twice.
                input=json.dumps({"source": "schedule", "time": "<aws.scheduler.scheduled-time>"}),
                retry_policy=aws.scheduler.ScheduleTargetRetryPolicyArgs(
                    maximum_event_age_in_seconds=900, maximum_retry_attempts=3
                ),
            ),
            region=cluster.region,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[cluster.scheduler_policy]),
        )
