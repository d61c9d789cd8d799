"""The resources that the Azure nodes of one region share: Container Apps environments, registry, vault, claims, logs.

They are in one resource group, which is created with the first node of a region and deleted with the last. Nothing in
it runs while no job runs; the only fixed cost is the daily rate of the Basic registry. One identity, `puller`, pulls
the images and reads Numerai's keys for all jobs. It is attached to jobs with the lifecycle None, so the code in a
container cannot get a token for it. Jobs have no other identity.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pulumi
from pulumi_azure_native import (
    app,
    applicationinsights,
    authorization,
    containerregistry,
    keyvault,
    managedidentity,
    operationalinsights,
    resources,
    storage,
)

from nodefile import Node
from providers.azure import limits, names, roles
from providers.azure.registration import Registration
from providers.azure.repositories import Repositories
from providers.component import TYPE_PREFIX, Stack

LOG_DAYS = 30
LOG_GB_A_DAY = 1.0
CLAIM_DAYS = 30
CLAIMS = "claims"


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
        self._create_registry(nodes)
        self._create_claims()
        self._create_vault(nodes, stack)
        self._create_puller()
        self._create_environments(nodes)
        self.starter = roles.create_role(
            f"{self.name}-starter",
            "Prediction node job starter",
            self.group.id,
            self._own,
            actions=roles.STARTER_ACTIONS,
        )
        self.claimer = roles.create_role(
            f"{self.name}-claimer",
            "Prediction node claimer",
            self.group.id,
            self._own,
            data_actions=roles.CLAIMER_DATA_ACTIONS,
        )
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

    def _create_registry(self, nodes: Sequence[Node]) -> None:
        self.registry = containerregistry.Registry(
            names.shorten("images", self.region),
            resource_group_name=self.group.name,
            location=self.region,
            sku=containerregistry.SkuArgs(name="Basic"),
            admin_user_enabled=False,
            tags=self._tags,
            opts=self._own,
        )

        Repositories(self.name, self.registry.login_server, [node.name for node in nodes], self.token, self._own)

    def _create_claims(self) -> None:
        self.storage = storage.StorageAccount(
            names.shorten(CLAIMS, self.region),
            resource_group_name=self.group.name,
            location=self.region,
            kind="StorageV2",
            sku=storage.SkuArgs(name="Standard_LRS"),
            # Only roles grant access: an account key would give access to all nodes' claims.
            allow_shared_key_access=False,
            allow_blob_public_access=False,
            minimum_tls_version="TLS1_2",
            enable_https_traffic_only=True,
            tags=self._tags,
            opts=self._own,
        )
        self.claims = storage.BlobContainer(
            self.name,
            resource_group_name=self.group.name,
            account_name=self.storage.name,
            container_name=CLAIMS,
            public_access=storage.PublicAccess.NONE,
            opts=self._own,
        )
        self.claims_url = pulumi.Output.concat(self.storage.primary_endpoints.blob, self.claims.name)
        old = storage.DateAfterModificationArgs(days_after_modification_greater_than=CLAIM_DAYS)
        storage.ManagementPolicy(
            self.name,
            resource_group_name=self.group.name,
            account_name=self.storage.name,
            management_policy_name="default",
            policy=storage.ManagementPolicySchemaArgs(
                rules=[
                    storage.ManagementPolicyRuleArgs(
                        name="old-claims",
                        type="Lifecycle",
                        enabled=True,
                        definition=storage.ManagementPolicyDefinitionArgs(
                            filters=storage.ManagementPolicyFilterArgs(
                                blob_types=["blockBlob"], prefix_match=[f"{CLAIMS}/"]
                            ),
                            actions=storage.ManagementPolicyActionArgs(
                                base_blob=storage.ManagementPolicyBaseBlobArgs(delete=old)
                            ),
                        ),
                    )
                ]
            ),
            opts=self._own,
        )

    def _create_vault(self, nodes: Sequence[Node], stack: Stack) -> None:
        # The name of a deleted vault stays reserved during the retention time, and we cannot purge the vault. The next
        # vault gets another name, since the provider's random digits are new in a new stack state (see names.py).
        self.vault = keyvault.Vault(
            names.shorten("keys", self.region),
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
        # References contain the secret's version, so that a new key changes the jobs in the same `up`.
        self.secrets = {name: self._create_secret(name, value) for name, value in stack.select_keys(nodes).items()}

    def _create_secret(self, name: str, value: pulumi.Output[str]) -> pulumi.Output[str]:
        secret = keyvault.Secret(
            # Auto-named, since the name of a deleted secret stays reserved for days.
            f"{name}-{self.region}",
            resource_group_name=self.group.name,
            vault_name=self.vault.name,
            properties=keyvault.SecretPropertiesArgs(value=value),
            tags=self._tags,
            # Azure Resource Manager can create secrets but not delete them. The provider would call the vault, where
            # not even the subscription's owner has permissions. So secrets are deleted with their vault.
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True),
        )
        return pulumi.Output.unsecret(secret.properties.secret_uri_with_version)

    def _create_puller(self) -> None:
        self.puller = managedidentity.UserAssignedIdentity(
            self.name, resource_group_name=self.group.name, location=self.region, tags=self._tags, opts=self._own
        )
        # The scope is the whole vault, since it holds only Numerai's keys.
        self.puller_grants = [
            roles.assign(
                f"{self.name}-{what}", scope, roles.name_builtin_role(self.subscription, role), self.puller, self._own
            )
            for what, scope, role in (
                ("pull", self.registry.id, roles.ACR_PULL),
                ("keys", self.vault.id, roles.KEY_VAULT_SECRETS_USER),
            )
        ]

    def _create_environments(self, nodes: Sequence[Node]) -> None:
        shared_key = operationalinsights.get_shared_keys_output(
            resource_group_name=self.group.name, workspace_name=self.workspace.name
        ).primary_shared_key
        logs = app.AppLogsConfigurationArgs(
            destination="log-analytics",
            log_analytics_configuration=app.LogAnalyticsConfigurationArgs(
                customer_id=self.workspace.customer_id, shared_key=pulumi.Output.secret(shared_key)
            ),
        )
        # One environment per profile in use. A profile cannot be removed from an environment while a job uses it, and
        # an environment is updated before its jobs: with all profiles in one environment, shrinking a node would fail.
        self.environments = {
            profile: app.ManagedEnvironment(
                self.name if profile == limits.CONSUMPTION else f"{self.name}-{profile.lower()}",
                resource_group_name=self.group.name,
                location=self.region,
                zone_redundant=False,
                app_logs_configuration=logs,
                workload_profiles=_build_profiles(profile, count),
                tags=self._tags,
                opts=self._own,
            )
            for profile, count in sorted(Counter(limits.fit(node).profile for node in nodes).items())
        }


def _build_profiles(profile: str, nodes: int) -> list[app.WorkloadProfileArgs]:
    """Return the profiles of an environment: always Consumption, and the dedicated profile if it is for one.

    Dedicated machines scale to zero while nothing runs, and up to one per node, so that the nodes of a round do not
    wait for each other.
    """
    shared = app.WorkloadProfileArgs(name=limits.CONSUMPTION, workload_profile_type=limits.CONSUMPTION)
    if profile == limits.CONSUMPTION:
        return [shared]
    own = app.WorkloadProfileArgs(name=profile, workload_profile_type=profile, minimum_count=0, maximum_count=nodes)
    return [shared, own]
