"""What the Azure nodes of one region share: the Container Apps environment, registry, vault, claims and logs.

Everything lies in one resource group per region, made with the first node and gone with the last. Nothing in it runs at
rest: the Basic registry's day rate is the only standing price. One identity, `puller`, fetches images and resolves the
references to Numerai's keys on behalf of every job; it is attached to jobs with lifecycle None, so code in a container
cannot get a token for it, and jobs have no identity of their own.
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
from providers.contract import TYPE_PREFIX, Stack

LOG_DAYS = 30
LOG_GB_A_DAY = 1.0
CLAIM_DAYS = 30
CLAIMS = "claims"


class Cluster(pulumi.ComponentResource):
    """The shared parts of one region. Its attributes are what nodes refer to."""

    subscription: pulumi.Output[str]
    tenant: pulumi.Output[str]
    token: pulumi.Output[str]
    """The deployer's token for Azure Resource Manager, secret; good for about an hour."""

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
            names.group(stack.project, stack.name, region),
            location=region,
            tags=self._tags,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[services]),
        )
        self._logs()
        self._registry(nodes)
        self._claims()
        self._vault(nodes, stack)
        self._puller()
        self._environments(nodes)
        self.starter = roles.define(
            f"{self.name}-starter",
            "Prediction node job starter",
            self.group.id,
            self._own,
            actions=roles.STARTER_ACTIONS,
        )
        self.claimer = roles.define(
            f"{self.name}-claimer",
            "Prediction node claimer",
            self.group.id,
            self._own,
            data_actions=roles.CLAIMER_DATA_ACTIONS,
        )
        self.register_outputs({"resourceGroup": self.group.name})

    def _logs(self) -> None:
        self.workspace = operationalinsights.Workspace(
            self.name,
            resource_group_name=self.group.name,
            location=self.region,
            sku=operationalinsights.WorkspaceSkuArgs(name="PerGB2018"),
            retention_in_days=LOG_DAYS,
            # Logs are billed by volume: a node that logs in a loop must not become a bill.
            workspace_capping=operationalinsights.WorkspaceCappingArgs(daily_quota_gb=LOG_GB_A_DAY),
            tags=self._tags,
            opts=self._own,
        )
        # Where the triggers' lines go; without it a function's log is kept nowhere.
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

    def _registry(self, nodes: Sequence[Node]) -> None:
        self.registry = containerregistry.Registry(
            names.short("images", self.region),
            resource_group_name=self.group.name,
            location=self.region,
            sku=containerregistry.SkuArgs(name="Basic"),
            admin_user_enabled=False,
            tags=self._tags,
            opts=self._own,
        )

        Repositories(self.name, self.registry.login_server, [node.name for node in nodes], self.token, self._own)

    def _claims(self) -> None:
        self.storage = storage.StorageAccount(
            names.short(CLAIMS, self.region),
            resource_group_name=self.group.name,
            location=self.region,
            kind="StorageV2",
            sku=storage.SkuArgs(name="Standard_LRS"),
            # Roles are the only way in: an account key would open every node's claims.
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

    def _vault(self, nodes: Sequence[Node], stack: Stack) -> None:
        # A deleted vault keeps its name for the retention time and there is no purging it from here; its successor has
        # another name since the provider's random digits are new in a new stack state (see names.py).
        self.vault = keyvault.Vault(
            names.short("keys", self.region),
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
        # References name the version, so that a new key is a change of the jobs in the same `up`.
        self.secrets = {name: self._secret(name, value) for name, value in stack.keys_of(nodes).items()}

    def _secret(self, name: str, value: pulumi.Output[str]) -> pulumi.Output[str]:
        secret = keyvault.Secret(
            # Auto-named: the name of a secret that went is not free again for days.
            f"{name}-{self.region}",
            resource_group_name=self.group.name,
            vault_name=self.vault.name,
            properties=keyvault.SecretPropertiesArgs(value=value),
            tags=self._tags,
            # Azure Resource Manager makes secrets but cannot delete them: the provider would call the vault itself, in
            # which not even the subscription's owner may do anything. So a secret goes with its vault.
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True),
        )
        return pulumi.Output.unsecret(secret.properties.secret_uri_with_version)

    def _puller(self) -> None:
        self.puller = managedidentity.UserAssignedIdentity(
            self.name, resource_group_name=self.group.name, location=self.region, tags=self._tags, opts=self._own
        )
        # The vault holds nothing but Numerai's keys, so the vault is the scope.
        self.puller_grants = [
            roles.assign(f"{self.name}-{what}", scope, roles.builtin(self.subscription, role), self.puller, self._own)
            for what, scope, role in (
                ("pull", self.registry.id, roles.ACR_PULL),
                ("keys", self.vault.id, roles.KEY_VAULT_SECRETS_USER),
            )
        ]

    def _environments(self, nodes: Sequence[Node]) -> None:
        shared_key = operationalinsights.get_shared_keys_output(
            resource_group_name=self.group.name, workspace_name=self.workspace.name
        ).primary_shared_key
        logs = app.AppLogsConfigurationArgs(
            destination="log-analytics",
            log_analytics_configuration=app.LogAnalyticsConfigurationArgs(
                customer_id=self.workspace.customer_id, shared_key=pulumi.Output.secret(shared_key)
            ),
        )
        # One environment per kind of machine in use. A profile cannot leave an environment while a job is on it, and
        # an environment is changed before its jobs: with all profiles in one, making a node smaller would fail.
        self.environments = {
            profile: app.ManagedEnvironment(
                self.name if profile == limits.CONSUMPTION else f"{self.name}-{profile.lower()}",
                resource_group_name=self.group.name,
                location=self.region,
                zone_redundant=False,
                app_logs_configuration=logs,
                workload_profiles=_profiles(profile, count),
                tags=self._tags,
                opts=self._own,
            )
            for profile, count in sorted(Counter(limits.fit(node).profile for node in nodes).items())
        }


def _profiles(profile: str, nodes: int) -> list[app.WorkloadProfileArgs]:
    """Consumption is in every environment; of a dedicated machine no instance stays while nothing runs, and there may
    be one for each node that needs it, so that the nodes of one round do not wait for each other."""
    shared = app.WorkloadProfileArgs(name=limits.CONSUMPTION, workload_profile_type=limits.CONSUMPTION)
    if profile == limits.CONSUMPTION:
        return [shared]
    own = app.WorkloadProfileArgs(name=profile, workload_profile_type=profile, minimum_count=0, maximum_count=nodes)
    return [shared, own]
