"""The alerts of a region on Google Cloud: secrets with the addresses, which the trigger may read, and e-mails.

Cloud Monitoring sends an e-mail for each of the trigger's log lines that an alert policy matches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_gcp as gcp

from nodefile import Node
from providers import alerts
from providers.component import Stack
from providers.gcp import roles


class Alerts(alerts.RegionAlerts):
    """A secret for each address, and a policy for each e-mail address."""

    def __init__(
        self,
        name: str,
        digits: str,
        nodes: Sequence[Node],
        stack: Stack,
        labels: Mapping[str, str],
        own: pulumi.ResourceOptions,
    ) -> None:
        self._name, self._own = name, own
        self._secrets: dict[str, pulumi.Output[str]] = {}
        for key, address in alerts.select_addresses(nodes, stack.addresses).items():
            secret = gcp.secretmanager.Secret(
                f"{name}-{key}",
                secret_id=f"{key}-{digits}",
                replication=gcp.secretmanager.SecretReplicationArgs(auto=gcp.secretmanager.SecretReplicationAutoArgs()),
                deletion_protection=False,
                labels=labels,
                opts=own,
            )
            gcp.secretmanager.SecretVersion(f"{name}-{key}", secret=secret.id, secret_data=address, opts=own)
            self._secrets[key] = secret.secret_id
        super().__init__(nodes, self._secrets.__getitem__, alerts.name_email)

    def send_emails(self, function: pulumi.Output[str], region: str, labels: Mapping[str, str]) -> None:
        """Send an e-mail for each line of the trigger's log that asks for one."""
        for email in self._emails:
            key = alerts.name_email(email)
            channel = gcp.monitoring.NotificationChannel(
                f"{self._name}-alerts-{key}",
                display_name="prediction nodes",
                type="email",
                labels={"email_address": email},
                user_labels=labels,
                opts=self._own,
            )
            pulumi.Output.all(channel.verification_status, email).apply(lambda values: warn_unverified(*values))
            gcp.monitoring.AlertPolicy(
                f"{self._name}-alerts-{key}",
                display_name="prediction nodes",
                combiner="OR",
                conditions=[
                    gcp.monitoring.AlertPolicyConditionArgs(
                        display_name="a round needs a person",
                        condition_matched_log=gcp.monitoring.AlertPolicyConditionConditionMatchedLogArgs(
                            filter=pulumi.Output.all(function, region, key).apply(lambda values: build_filter(*values)),
                            # Each combination of values is notified by itself.
                            label_extractors={name: f"EXTRACT(jsonPayload.{name})" for name in ("subject", "text")},
                        ),
                    )
                ],
                documentation=gcp.monitoring.AlertPolicyDocumentationArgs(
                    subject="${log.extracted_label.subject}",
                    content="${log.extracted_label.text}",
                    mime_type="text/markdown",
                ),
                alert_strategy=gcp.monitoring.AlertPolicyAlertStrategyArgs(
                    notification_rate_limit=gcp.monitoring.AlertPolicyAlertStrategyNotificationRateLimitArgs(
                        period="300s"
                    ),
                    auto_close="1800s",
                ),
                notification_channels=[channel.name],
                user_labels=labels,
                opts=self._own,
            )

    def grant(self, trigger: gcp.serviceaccount.Account) -> None:
        """Let the trigger read the addresses."""
        for key, secret in self._secrets.items():
            gcp.secretmanager.SecretIamMember(
                f"{self._name}-alerts-{key}",
                secret_id=secret,
                role="roles/secretmanager.secretAccessor",
                member=roles.name_member(trigger),
                opts=self._own,
            )


def warn_unverified(status: str | None, email: str) -> None:
    """Warn if Google sends nothing to an address yet. Channels that it does not verify have no status."""
    if status == "UNVERIFIED":
        pulumi.log.warn(
            f"Google Cloud sends no e-mail to {email} before the address is verified: verify it in the console "
            "(Monitoring, Alerting, Edit notification channels), then run `pulumi up --refresh`."
        )


def build_filter(function: str, region: str, key: str) -> str:
    """Return the filter for the lines of a trigger that ask for an e-mail to an address."""
    return (
        f'resource.type="cloud_run_revision" AND resource.labels.service_name="{function}" AND '
        f'resource.labels.location="{region}" AND jsonPayload.route="email" AND jsonPayload.email="{key}"'
    )
