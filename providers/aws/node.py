"""One prediction node on AWS: image, Batch job, trigger. At most twelve resources, eleven without a schedule."""

from __future__ import annotations

import json
from typing import Any

import pulumi
import pulumi_aws as aws

from nodefile import Node, variables
from providers import contract
from providers.aws import limits, roles
from providers.aws.cluster import Cluster
from providers.aws.image import Image
from providers.aws.trigger import Trigger


class PredictionNode(contract.PredictionNode):
    """A node of nodes.yaml with `cloud: aws`."""

    def __init__(
        self, node: Node, cluster: Cluster, stack: contract.Stack, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("aws", node, opts)
        own = pulumi.ResourceOptions(parent=self)
        image = Image(node, cluster, stack, own)
        self.image = image.image
        job = self._job(image, cluster, stack)
        trigger = Trigger(node, cluster, job, stack, own)
        # Without the revision, which is another one after every change.
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

    def _job(self, image: Image, cluster: Cluster, stack: contract.Stack) -> aws.batch.JobDefinition:
        node, fit, tags = self.node, limits.fit(self.node), stack.tags(self.node)
        own = pulumi.ResourceOptions(parent=self)
        execution = roles.role(
            f"{node.name}-run",
            roles.trust("ecs-tasks.amazonaws.com"),
            tags,
            own,
            f"Pulls image and keys for the prediction node {node.name}",
        )
        references = contract.key_references(node)
        secrets = [cluster.secrets[name].arn for name in references.values()]
        policy = roles.attach(
            f"{node.name}-run",
            execution,
            pulumi.Output.all(image.repository.arn, cluster.logs.arn, *secrets).apply(
                lambda known: roles.execution(known[0], known[1], node.name, known[2:])
            ),
            own,
        )
        properties = pulumi.Output.all(
            image.image, execution.arn, cluster.logs.name, stack.model_ids[node.name], *secrets
        ).apply(lambda known: container_properties(node, known[0], known[1], known[2], known[3], known[4:]))
        return aws.batch.JobDefinition(
            node.name,
            type="container",
            platform_capabilities=[fit.platform],
            container_properties=properties,
            timeout=aws.batch.JobDefinitionTimeoutArgs(attempt_duration_seconds=node.timeout),
            # A failed run is the trigger's to start again: nothing is submitted twice behind the user's back.
            retry_strategy=aws.batch.JobDefinitionRetryStrategyArgs(attempts=1),
            propagate_tags=True,
            region=node.region,
            tags=tags,
            # Whatever a first run needs besides the definition itself.
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=[policy, *(cluster.secret_versions[name] for name in references.values())]
            ),
        )


def container_properties(
    node: Node, image: str, execution: str, log_group: str, model_id: str, secrets: list[str]
) -> str:
    """The container as Batch wants it (JSON). Unknown keys would be dropped without a word: see its test."""
    fit = limits.fit(node)
    plain = variables.list_constants(node, model_id)
    properties: dict[str, Any] = {
        "image": image,
        # No jobRoleArn: what runs in the container has no rights on AWS at all.
        "executionRoleArn": execution,
        "resourceRequirements": [
            {"type": "VCPU", "value": fit.vcpus},
            {"type": "MEMORY", "value": str(fit.memory)},
        ],
        "environment": [{"name": name, "value": value} for name, value in sorted(plain.items())],
        "secrets": [
            {"name": name, "valueFrom": arn} for name, arn in zip(contract.key_references(node), secrets, strict=True)
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
            # In a public subnet without NAT the address is the only way out.
            "networkConfiguration": {"assignPublicIp": "ENABLED"},
            "runtimePlatform": {"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"},
        }
        if fit.disk:
            properties["ephemeralStorage"] = {"sizeInGiB": fit.disk}
    return json.dumps(properties, sort_keys=True)
