"""One prediction node on AWS: its images, its Batch job, its row in the trigger's table, and its schedule."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws

from nodefile import Node, Schedule, variables
from providers import component
from providers.aws import limits, names, roles
from providers.aws.cluster import Cluster
from providers.aws.image import Image
from providers.aws.job_role import JobRole
from providers.aws.schedule import write_expression

ATTEMPTS = 3
"""How often a job is tried if AWS fails it."""


class PredictionNode(component.PredictionNode):
    """A node of nodes.yaml with `cloud: aws`."""

    def __init__(
        self, node: Node, cluster: Cluster, stack: component.Stack, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("aws", node, opts)
        self._cluster, self._tags = cluster, stack.tags(node)
        self._own = pulumi.ResourceOptions.merge(pulumi.ResourceOptions(parent=self), component.alias_in_region(node))
        self._queue = cluster.queues[limits.fit(node).queue]
        image = Image(node, cluster, stack, pulumi.ResourceOptions(parent=self))
        self.image = image.image
        job = self._create_job(image, stack)
        row = self._create_row(job, stack)
        if node.schedule:
            self._create_schedule(node.schedule, row, stack)
        # Without the revision, which changes with every update.
        self.job = job.arn_prefix
        self.console_url = pulumi.Output.concat(
            f"https://{node.region}.console.aws.amazon.com/batch/home?region={node.region}#queues/detail/",
            self._queue.arn,
        )
        self.facts = {
            "queue": self._queue.arn,
            "logs": cluster.logs.name,
            "trigger": cluster.trigger.function.name,
            "trigger_logs": cluster.trigger.logs.name,
        }
        self.finish(stack, cluster.trigger.url)

    def _create_job(self, image: Image, stack: component.Stack) -> aws.batch.JobDefinition:
        node, fit, logs = self.node, limits.fit(self.node), self._cluster.logs
        identity = self._cluster.identities[node.account]
        references = identity.keys | {name: identity.own[name] for name in node.secrets}
        role = JobRole(node, self._tags, pulumi.ResourceOptions(parent=self))
        return aws.batch.JobDefinition(
            component.name_in_region(node),
            name=names.name_definition(stack.project, stack.name, node.name),
            type="container",
            platform_capabilities=[fit.platform],
            container_properties=pulumi.Output.all(
                image.image, identity.role.arn, logs.name, stack.model_ids[node.name], references, role.arn
            ).apply(lambda values: write_container_properties(node, *values)),
            timeout=aws.batch.JobDefinitionTimeoutArgs(attempt_duration_seconds=node.timeout),
            retry_strategy=build_retry_strategy(),
            propagate_tags=True,
            region=node.region,
            tags=self._tags,
            # The first run needs these as well as the definition.
            opts=pulumi.ResourceOptions.merge(
                self._own, pulumi.ResourceOptions(depends_on=[*identity.grants, *role.grants])
            ),
        )

    def _create_row(self, job: aws.batch.JobDefinition, stack: component.Stack) -> aws.s3.BucketObjectv2:
        """Create the node's row in the trigger's table, an empty object.

        If the row changes, the new one is created before the old one is deleted, and the trigger uses the newest. The
        definition's name stands for its newest revision. So a new image or size does not change the row, and no
        start refers to a deleted revision.
        """
        secret = self._cluster.identities[self.node.account].secret.name
        return aws.s3.BucketObjectv2(
            component.name_in_region(self.node),
            bucket=self._cluster.bucket.bucket,
            key=pulumi.Output.concat(
                f"{roles.TABLE}/",
                self.write_row(stack, job.name, secret, self._cluster.alerts.write_column(self.node), self._queue.name),
            ),
            region=self.node.region,
            opts=self._own,
        )

    def _create_schedule(self, schedule: Schedule, row: aws.s3.BucketObjectv2, stack: component.Stack) -> None:
        node, cluster = self.node, self._cluster
        # The planned time identifies the run, so that retries by the scheduler do not start it twice.
        event = {"source": "schedule", "time": "<aws.scheduler.scheduled-time>"}
        aws.scheduler.Schedule(
            node.name,
            group_name=cluster.schedules.name,
            description=f"Runs of the prediction node {node.name} beside its webhook",
            schedule_expression=write_expression(schedule),
            schedule_expression_timezone=schedule.timezone,
            state="ENABLED" if node.enabled else "DISABLED",
            flexible_time_window=aws.scheduler.ScheduleFlexibleTimeWindowArgs(mode="OFF"),
            target=aws.scheduler.ScheduleTargetArgs(
                arn=cluster.trigger.function.arn,
                role_arn=cluster.scheduler.arn,
                input=pulumi.Output.json_dumps({**event, "model_id": stack.model_ids[node.name]}),
                retry_policy=aws.scheduler.ScheduleTargetRetryPolicyArgs(
                    maximum_event_age_in_seconds=900, maximum_retry_attempts=3
                ),
            ),
            region=node.region,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[cluster.scheduler_policy, row]),
        )


def build_retry_strategy() -> aws.batch.JobDefinitionRetryStrategyArgs:
    """Return the rules that repeat an attempt which AWS has failed, but never one that ended by itself.

    Batch takes the first rule that matches, and repeats an attempt if none does. A container that ran has an exit code.
    There is none if the image, the keys or the network could not be had, or if there was no capacity. Batch does not
    apply the rules to jobs that were stopped or took too long; those end at once.
    """
    rule = aws.batch.JobDefinitionRetryStrategyEvaluateOnExitArgs
    return aws.batch.JobDefinitionRetryStrategyArgs(
        attempts=ATTEMPTS,
        evaluate_on_exits=[
            # The machine was lost, or reclaimed, and its containers were killed.
            rule(action="retry", on_status_reason="Host EC2*"),
            rule(action="exit", on_exit_code="*"),
            rule(action="exit", on_status_reason="Essential container in task exited*"),
        ],
    )


def write_container_properties(
    node: Node, image: str, execution: str, log_group: str, model_id: str, secrets: Mapping[str, str], role: str = ""
) -> str:
    """Return Batch's description of the container (JSON). Batch silently drops unknown keys; a test checks them.

    Without `role`, the code in the container has no permissions on AWS.
    """
    fit = limits.fit(node)
    plain = variables.list_constants(node, model_id)
    properties: dict[str, Any] = {
        "image": image,
        "executionRoleArn": execution,
        "resourceRequirements": [
            {"type": "VCPU", "value": fit.vcpus},
            {"type": "MEMORY", "value": str(fit.memory)},
        ],
        "environment": [{"name": name, "value": value} for name, value in sorted(plain.items())],
        "secrets": [{"name": name, "valueFrom": reference} for name, reference in secrets.items()],
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": log_group,
                "awslogs-region": node.region,
                "awslogs-stream-prefix": node.name,
            },
        },
    }
    if role:
        properties["jobRoleArn"] = role
    if node.command:
        properties["command"] = list(node.command)
    if fit.platform == limits.FARGATE:
        properties |= {
            "fargatePlatformConfiguration": {"platformVersion": "LATEST"},
            # In a public subnet without NAT, outgoing connections need a public address.
            "networkConfiguration": {"assignPublicIp": "ENABLED"},
            "runtimePlatform": {"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"},
        }
        if fit.disk:
            properties["ephemeralStorage"] = {"sizeInGiB": fit.disk}
    return json.dumps(properties, sort_keys=True)
