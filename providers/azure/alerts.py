"""The alerts of a region on Azure: the addresses, each in a vault of its own, which the trigger may read, and e-mails.

A secret can only be deleted with its vault (`cluster`), so an address that is no longer used takes its vault with it.
The vaults are not those of the keys, so that no job's identity can read the addresses.

An action group sends an e-mail when an alert rule fires, and nothing else may trigger it with a text: its own call
`createNotifications` sends only Azure's samples, and activity log alerts, which are free, know no events of an app. So
a rule searches the trigger's log. It is billed by its frequency (0.50 USD a month for 15 minutes, 1.50 for 5).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pulumi
from pulumi_azure_native import keyvault, monitor, resources

from nodefile import Node
from providers import alerts
from providers.azure import roles
from providers.azure.trigger import Trigger
from providers.component import Stack

MINUTES = 15
"""How often the rule searches the log."""


class Alerts(alerts.RegionAlerts):
    """A vault for each address, and a rule for each e-mail address."""

    def __init__(
        self,
        name: str,
        nodes: Sequence[Node],
        stack: Stack,
        create: Callable[[str, pulumi.Output[str]], tuple[keyvault.Vault, pulumi.Output[str]]],
        own: pulumi.ResourceOptions,
    ) -> None:
        """`create` makes a vault with one secret, and returns it with the secret's URL."""
        self._name, self._own = name, own
        addresses = alerts.select_addresses(nodes, stack.addresses)
        self._stored = {key: create(key, address) for key, address in addresses.items()}
        # Without the version, so that another address changes neither the table nor the settings.
        urls = {key: url.apply(lambda url: str(url).rpartition("/")[0]) for key, (_, url) in self._stored.items()}
        super().__init__(nodes, urls.__getitem__, alerts.name_email)

    def grant(self, trigger: pulumi.Output[str], subscription: pulumi.Output[str]) -> None:
        """Let the trigger, whose identity has this object id, read the addresses."""
        for key, (vault, _) in self._stored.items():
            roles.assign(
                f"{self._name}-alerts-{key}",
                vault.id,
                roles.name_builtin_role(subscription, roles.KEY_VAULT_SECRETS_USER),
                trigger,
                self._own,
            )

    def send_emails(
        self,
        group: resources.ResourceGroup,
        workspace: pulumi.Output[str],
        trigger: Trigger,
        tags: Mapping[str, str],
    ) -> None:
        """Send an e-mail for each line of the trigger's log that asks for one.

        The rules come last, since Azure Monitor may not find a workspace that is only a minute old.
        """
        for email in self._emails:
            key = alerts.name_email(email)
            actions = monitor.ActionGroup(
                f"{self._name}-alerts-{key}",
                resource_group_name=group.name,
                location="Global",
                group_short_name="pnodes",
                enabled=True,
                email_receivers=[
                    monitor.MicrosoftCommonEmailReceiverArgs(
                        name="owner", email_address=email, use_common_alert_schema=True
                    )
                ],
                tags=tags,
                opts=self._own,
            )
            monitor.ScheduledQueryRule(
                f"{self._name}-alerts-{key}",
                resource_group_name=group.name,
                location=group.location,
                kind="LogAlert",
                description="A round of a prediction node needs a person",
                enabled=True,
                severity=2,
                scopes=[workspace],
                evaluation_frequency=f"PT{MINUTES}M",
                # The lines of an evaluation are those that arrived since the last one, however late they are.
                window_size="PT1H",
                auto_mitigate=False,
                skip_query_validation=True,  # the table exists only after the trigger's first line
                criteria=monitor.ScheduledQueryRuleCriteriaArgs(
                    all_of=[
                        monitor.ConditionArgs(
                            query=pulumi.Output.all(trigger.site, key).apply(lambda values: build_query(*values)),
                            time_aggregation="Count",
                            operator="GreaterThan",
                            threshold=0,
                            # The e-mail shows them, and each combination of values is notified by itself.
                            dimensions=[
                                monitor.DimensionArgs(name=name, operator="Include", values=["*"])
                                for name in ("Subject", "Text")
                            ],
                            failing_periods=monitor.ConditionFailingPeriodsArgs(
                                number_of_evaluation_periods=1, min_failing_periods_to_alert=1
                            ),
                        )
                    ]
                ),
                actions=monitor.ActionsArgs(action_groups=[actions.id]),
                tags=tags,
                opts=pulumi.ResourceOptions.merge(self._own, pulumi.ResourceOptions(depends_on=[trigger.code])),
            )


def build_query(site: str, key: str) -> str:
    """Return the query for the lines of a trigger that ask for an e-mail to an address."""
    return (
        f"AppTraces | where AppRoleName =~ '{site}' | where ingestion_time() > ago({MINUTES}m) "
        f"| extend Line = parse_json(Message) | where tostring(Line.email) == '{key}' "
        "| project TimeGenerated, Subject = tostring(Line.subject), Text = tostring(Line.text)"
    )
