"""The alerts of a region on AWS: a secret with the addresses, topics for e-mails, and what the trigger may do.

A topic sends no e-mail until its subscription is confirmed, by the link in a message that AWS sends to the address.
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from nodefile import Node
from providers import alerts
from providers.aws import roles
from providers.component import Stack


class Alerts(alerts.RegionAlerts):
    """A secret with all addresses, and a topic for each e-mail address."""

    def __init__(
        self, name: str, region: str, nodes: Sequence[Node], stack: Stack, own: pulumi.ResourceOptions
    ) -> None:
        self._name, self._region, self._own = name, region, own
        self._tags = stack.tags()
        self._secret: aws.secretsmanager.Secret | None = None
        self._channels = any(node.alerts.channels for node in nodes)
        addresses = alerts.select_addresses(nodes, stack.addresses)
        if addresses:
            self._secret = self._create_secret(addresses)
        super().__init__(nodes, self._refer, self._create_topic)

    def _create_secret(self, addresses: dict[str, pulumi.Output[str]]) -> aws.secretsmanager.Secret:
        name = f"{self._name}-alerts"
        secret = aws.secretsmanager.Secret(
            name,
            description="Addresses of the prediction nodes' alerts",
            # The addresses are in the stack's configuration, so recovery is not needed.
            recovery_window_in_days=0,
            region=self._region,
            tags=self._tags,
            opts=self._own,
        )
        aws.secretsmanager.SecretVersion(
            name,
            secret_id=secret.id,
            secret_string=pulumi.Output.json_dumps(addresses),
            region=self._region,
            opts=self._own,
        )
        return secret

    def _create_topic(self, email: str) -> pulumi.Output[str]:
        name = f"{self._name}-alerts-{alerts.name_email(email)}"
        topic = aws.sns.Topic(
            name, display_name="Prediction nodes", region=self._region, tags=self._tags, opts=self._own
        )
        aws.sns.TopicSubscription(
            name, topic=topic.arn, protocol="email", endpoint=email, region=self._region, opts=self._own
        )
        return topic.arn

    def _refer(self, key: str) -> pulumi.Output[str]:
        assert self._secret
        return pulumi.Output.concat(self._secret.name, f"#{key}")

    def grant(self, trigger: aws.iam.Role, logs: aws.cloudwatch.LogGroup) -> None:
        """Let the trigger read the addresses and, for messages, the end of a failed job's log."""
        if not self._secret and not self._channels:
            return
        secret = self._secret.arn if self._secret else ""
        logs_arn = logs.arn if self._channels else ""
        roles.attach_policy(
            f"{self._name}-alerts",
            trigger,
            pulumi.Output.all(secret, logs_arn, *self._emails.values()).apply(
                lambda arns: roles.build_alerts_policy(arns[0], arns[1], arns[2:])
            ),
            self._own,
        )
