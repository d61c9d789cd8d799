"""The resources that the Azure nodes of one region share: environments, registry, vaults, storage, logs, trigger.

They are in one resource group, which is created with the first node of a region and deleted with the last. No job's
machine runs while no job runs; the fixed costs are the daily rate of the Basic registry and the trigger's timer
(`trigger`). Jobs of the same Numerai account share an identity (`job_identity`). Another node changes none of these
resources. Only the first node of an account adds a vault and an identity, and the first one of a larger machine size
adds an environment.
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
from pulumi_azure_native import (
    app,
    applicationinsights,
    authorization,
    containerregistry,
    keyvault,
    monitor,
    operationalinsights,
    resources,
    storage,
)

from nodefile import Node
from providers.azure import limits, names, roles
from providers.azure.alerts import Alerts
from providers.azure.job_identity import JobIdentity
from providers.azure.private_storage import create_account
from providers.azure.registration import Registration
from providers.azure.trigger import Trigger
from providers.component import TYPE_PREFIX, Stack
from providers.numerai.keys import list_accounts, name_keys

LOG_DAYS = 30
LOG_GB_A_DAY = 1.0
LOG_TABLES = ("ContainerAppConsoleLogs", "ContainerAppSystemLogs")
# Claims and marks are the nodes' history, which `pnodes history` shows for 90 days.
CLAIM_DAYS = 95


class Cluster(pulumi.ComponentResource):
    """The shared resources of one region. Nodes refer to its attributes."""

    subscription: pulumi.Output[str]
    tenant: pulumi.Output[str]
    token: pulumi.Output[str]
    """The deploying identity's token for Azure Resource Manager, secret; valid for about an hour."""

    def __init__(
        self, region: str, nodes: Sequence[Node], stack: Stack, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        self.name = f"azure-{region}"
        super().__init__(f"{TYPE_PREFIX}:azure:Cluster", self.name, None, opts)
        self.region = region
        self._own = pulumi.ResourceOptions(parent=self)
        self._tags = stack.tags()
        client = authorization.get_client_config_output()
        self.subscription, self.tenant = client.subscription_id, client.tenant_id
        self.token = pulumi.Output.secret(authorization.get_client_token_output().token)

        services = Registration(self.name, self.subscription, self.token, self._own)
        self.group = resources.ResourceGroup(
            names.name_group(stack.project, stack.name, region),
            location=region,
            tags=self._tags,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[services]),
        )
        self._create_logs()
        self.registry = self._create_registry()
        self.storage = self._create_storage()
        self.identities = {
            account: self._create_identity(account, [node for node in nodes if node.account == account], stack)
            for account in list_accounts(nodes)
        }
        """By account of nodes.yaml."""
        self._create_environments(nodes)
        self.alerts = Alerts(self.name, nodes, stack, self._create_alert_secret, self._own)
        self.trigger = Trigger(
            self.name,
            self.group,
            self.alerts.environment,
            store=self.storage.primary_endpoints.blob,
            insights=self.insights.connection_string,
            subscription=self.subscription,
            token=self.token,
            tags=self._tags,
            opts=self._own,
        )
        self.alerts.grant(self.trigger.principal, self.subscription)
        self.alerts.send_emails(self.group, self.workspace.id, self.trigger, self._tags)
        self._create_watch(nodes)
        self.register_outputs({"resourceGroup": self.group.name})

    def _create_logs(self) -> None:
        self.workspace = operationalinsights.Workspace(
            self.name,
            resource_group_name=self.group.name,
            location=self.region,
            sku=operationalinsights.WorkspaceSkuArgs(name="PerGB2018"),
            retention_in_days=LOG_DAYS,
            # Logs are billed by volume; the quota limits the cost of a node that logs in an endless loop.
            workspace_capping=operationalinsights.WorkspaceCappingArgs(daily_quota_gb=LOG_GB_A_DAY),
            tags=self._tags,
            opts=self._own,
        )
        # Receives the triggers' log lines, which are not kept anywhere else.
        self.insights = applicationinsights.Component(
            self.name,
            resource_group_name=self.group.name,
            location=self.region,
            kind="web",
            application_type="web",
            workspace_resource_id=self.workspace.id,
            tags=self._tags,
            opts=self._own,
        )

    def _create_registry(self) -> containerregistry.Registry:
        return containerregistry.Registry(
            names.shorten("images", self.region),
            resource_group_name=self.group.name,
            location=self.region,
            sku=containerregistry.SkuArgs(name="Basic"),
            admin_user_enabled=False,
            tags=self._tags,
            opts=self._own,
        )

    def _create_storage(self) -> storage.StorageAccount:
        account = create_account(names.shorten("claims", self.region), self.group, self.region, self._tags, self._own)
        old = storage.DateAfterModificationArgs(days_after_modification_greater_than=CLAIM_DAYS)
        storage.ManagementPolicy(
            self.name,
            resource_group_name=self.group.name,
            account_name=account.name,
            management_policy_name="default",
            policy=storage.ManagementPolicySchemaArgs(
                rules=[
                    storage.ManagementPolicyRuleArgs(
                        name="old-claims",
                        type="Lifecycle",
                        enabled=True,
                        definition=storage.ManagementPolicyDefinitionArgs(
                            filters=storage.ManagementPolicyFilterArgs(blob_types=["blockBlob"]),
                            actions=storage.ManagementPolicyActionArgs(
                                base_blob=storage.ManagementPolicyBaseBlobArgs(delete=old)
                            ),
                        ),
                    )
                ]
            ),
            opts=self._own,
        )
        return account

    def _create_identity(self, account: str | None, nodes: Sequence[Node], stack: Stack) -> JobIdentity:
        """Create a vault with the account's keys, one with its nodes' own secrets, and the identity that reads them."""
        pair, ending = name_keys(account), f"--{account}" if account else ""
        vault, own_vault = self._create_vault("keys", account), None
        keys = {key: self._create_secret(key, stack.keys[key], vault) for key in (pair.public_id, pair.secret)}
        own = {}
        if secrets := stack.select_secrets(nodes):
            own_vault = self._create_vault("secrets", account)
            for variable, value in secrets.items():
                secret = names.name_secret(variable)
                own[secret] = self._create_secret(f"{secret}{ending}", value, own_vault)
        name = f"{self.name}-{account}" if account else self.name
        return JobIdentity(
            name, self.group, self.registry, vault, keys, own, own_vault, self.subscription, self._tags, self._own
        )

    def _create_alert_secret(self, name: str, address: pulumi.Output[str]) -> tuple[keyvault.Vault, pulumi.Output[str]]:
        vault = self._create_vault("alert", name)
        return vault, self._create_secret(name, address, vault)

    def _create_vault(self, word: str, account: str | None) -> keyvault.Vault:
        # The name of a deleted vault stays reserved during the retention time, and we cannot purge the vault. The next
        # vault gets another name, since the provider's random digits are new in a new stack state (see names.py).
        return keyvault.Vault(
            names.shorten(word, self.region, *([account] if account else [])),
            resource_group_name=self.group.name,
            location=self.region,
            properties=keyvault.VaultPropertiesArgs(
                tenant_id=self.tenant,
                sku=keyvault.SkuArgs(family=keyvault.SkuFamily.A, name=keyvault.SkuName.STANDARD),
                enable_rbac_authorization=True,
                enable_soft_delete=True,
                soft_delete_retention_in_days=7,
            ),
            tags=self._tags,
            opts=self._own,
        )

    def _create_secret(self, name: str, value: pulumi.Output[str], vault: keyvault.Vault) -> pulumi.Output[str]:
        secret = keyvault.Secret(
            # Auto-named, since the name of a deleted secret stays reserved for days.
            f"{name}-{self.region}",
            resource_group_name=self.group.name,
            vault_name=vault.name,
            properties=keyvault.SecretPropertiesArgs(value=value),
            tags=self._tags,
            # Azure Resource Manager can create secrets but not delete them. The provider would call the vault, where
            # not even the subscription's owner has permissions. So secrets are deleted with their vault.
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True),
        )
        # References contain the secret's version, so that a new key changes the jobs in the same `up`.
        return pulumi.Output.unsecret(secret.properties.secret_uri_with_version)

    def _create_watch(self, nodes: Sequence[Node]) -> None:
        """Let the trigger read the keys of the watched nodes' accounts. Its own timer starts the passes."""
        for account in list_accounts(node for node in nodes if node.watch.enabled):
            roles.assign(
                f"{self.name}-watch{f'-{account}' if account else ''}",
                self.identities[account].vault,
                roles.name_builtin_role(self.subscription, roles.KEY_VAULT_SECRETS_USER),
                self.trigger.principal,
                self._own,
            )

    def _create_environments(self, nodes: Sequence[Node]) -> None:
        # One environment per profile in use. A profile cannot be removed from an environment while a job uses it, and
        # an environment is updated before its jobs: with all profiles in one environment, shrinking a node would fail.
        profiles = sorted({limits.fit(node).profile for node in nodes})
        self.environments = {profile: self._create_environment(profile) for profile in profiles}

    def _create_environment(self, profile: str) -> app.ManagedEnvironment:
        name = self.name if profile == limits.CONSUMPTION else f"{self.name}-{profile.lower()}"
        environment = app.ManagedEnvironment(
            name,
            resource_group_name=self.group.name,
            location=self.region,
            zone_redundant=False,
            # An existing environment takes another destination in place, as with `az containerapp env update
            # --logs-destination` (learn.microsoft.com/azure/container-apps/log-options).
            app_logs_configuration=app.AppLogsConfigurationArgs(destination="azure-monitor"),
            workload_profiles=_build_profiles(profile),
            tags=self._tags,
            opts=self._own,
        )
        monitor.DiagnosticSetting(
            name,
            resource_uri=environment.id,
            workspace_id=self.workspace.id,
            # Otherwise, the lines go to the tables of the older destination `log-analytics`.
            log_analytics_destination_type="Dedicated",
            logs=[monitor.DiagnosticsLogSettingsArgs(category=table, enabled=True) for table in LOG_TABLES],
            opts=self._own,
        )
        return environment


def _build_profiles(profile: str) -> list[app.WorkloadProfileArgs]:
    """Return the profiles of an environment: always Consumption, and the larger profile if it is for one.

    Dedicated machines scale to zero while nothing runs. The most that can run at once do not depend on the number of
    nodes, so that another node does not change the environment.
    """
    shared = app.WorkloadProfileArgs(name=limits.CONSUMPTION, workload_profile_type=limits.CONSUMPTION)
    if profile == limits.CONSUMPTION:
        return [shared]
    if profile == limits.SERVERLESS:
        return [shared, app.WorkloadProfileArgs(name=profile, workload_profile_type=limits.SERVERLESS_TYPE)]
    most = limits.count_machines(profile)
    own = app.WorkloadProfileArgs(name=profile, workload_profile_type=profile, minimum_count=0, maximum_count=most)
    return [shared, own]
