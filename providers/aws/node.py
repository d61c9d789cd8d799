"""One prediction node on AWS: image, Batch job and trigger, in eleven resources (twelve with a schedule)."""

from __future__ import annotations

import json
from typing import Any

import pulumi
import pulumi_aws as aws

from nodefile import Node, variables
from providers import component
from providers.aws import limits, roles
from providers.aws.cluster import Cluster
from providers.aws.image import Image
from providers.aws.trigger import Trigger


class PredictionNode(component.PredictionNode):
    """A node of nodes.yaml with `cloud: aws`."""

    def __init__(
        self, node: Node, cluster: Cluster, stack: component.Stack, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("aws", node, opts)
        own = pulumi.ResourceOptions(parent=self)
        image = Image(node, cluster, stack, own)
        self.image = image.image
        job = self._create_job(image, cluster, stack)
        trigger = Trigger(node, cluster, job, stack, own)
        # Without the revision, which changes with every update.
        self.job = job.arn_prefix
        queue = cluster.queues[limits.fit(node).platform]
        self.console_url = pulumi.Output.concat(
            f"https://{node.region}.console.aws.amazon.com/batch/home?region={node.region}#queues/detail/", queue.arn
        )
        self.facts = {
            "queue": queue.arn,
            "logs": cluster.logs.name,
            "trigger": trigger.function,
            "trigger_logs": trigger.logs,
        }
        self.finish(stack, trigger.url)

    def _create_job(self, image: Image, cluster: Cluster, stack: component.Stack) -> aws.batch.JobDefinition:
        node, fit, tags = self.node, limits.fit(self.node), stack.tags(self.node)
        own = pulumi.ResourceOptions(parent=self)
        execution = roles.create_role(
            f"{node.name}-run",
            roles.build_trust_policy("ecs-tasks.amazonaws.com"),
            tags,
            own,
            f"Pulls image and keys for the prediction node {node.name}",
        )
        references = component.reference_keys(node)
        secrets = [cluster.secrets[name].arn for name in references.values()]
        policy = roles.attach_policy(
            f"{node.name}-run",
            execution,
            pulumi.Output.all(image.repository.arn, cluster.logs.arn, *secrets).apply(
                lambda arns: roles.build_execution_policy(arns[0], arns[1], node.name, arns[2:])
            ),
            own,
        )
        properties = pulumi.Output.all(
            image.image, execution.arn, cluster.logs.name, stack.model_ids[node.name], *secrets
        ).apply(lambda values: write_container_properties(node, values[0], values[1], values[2], values[3], values[4:]))
        return aws.batch.JobDefinition(
            node.name,
            type="container",
            platform_capabilities=[fit.platform],
            container_properties=properties,
            timeout=aws.batch.JobDefinitionTimeoutArgs(attempt_duration_seconds=node.timeout),
            # Only the trigger restarts failed runs, so that nothing is submitted twice unexpectedly.
            retry_strategy=aws.batch.JobDefinitionRetryStrategyArgs(attempts=1),
            propagate_tags=True,
            region=node.region,
            tags=tags,
            # The first run needs these as well as the definition.
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=[policy, *(cluster.secret_versions[name] for name in references.values())]
            ),
        )


def write_container_properties(
    node: Node, image: str, execution: str, log_group: str, model_id: str, secrets: list[str]
) -> str:
    """Return Batch's description of the container (JSON). Batch silently drops unknown keys; a test checks them."""
    fit = limits.fit(node)
    plain = variables.list_constants(node, model_id)
    properties: dict[str, Any] = {
        "image": image,
        # No jobRoleArn: the code in the container has no permissions on AWS.
        "executionRoleArn": execution,
        "resourceRequirements": [
            {"type": "VCPU", "value": fit.vcpus},
            {"type": "MEMORY", "value": str(fit.memory)},
        ],
        "environment": [{"name": name, "value": value} for name, value in sorted(plain.items())],
        "secrets": [
            {"name": name, "valueFrom": arn} for name, arn in zip(component.reference_keys(node), secrets, strict=True)
        ],
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": log_group,
                "awslogs-region": node.region,
                "awslogs-stream-prefix": node.name,
            },
        },
    }
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
