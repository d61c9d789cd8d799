"""A node's trigger on Azure: a function app on Flex Consumption, whose identity may start this node's job.

A Flex Consumption plan is free while idle and can have only one app. The Functions host stores its package, keys and
timer locks in a storage account, on which it needs the role of an owner. So each trigger has its own account: with a
shared one, a trigger could replace the code of another. Python 3.12 is the newest runtime whose worker includes
azure-functions (from 3.13, the package must contain it and its dependencies). So the package has only a few KB and
needs no build.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import pulumi
from pulumi_azure_native import app, managedidentity, storage, web

from nodefile import Node
from providers.azure import names, roles
from providers.azure.cluster import Cluster
from providers.azure.code import Code
from providers.azure.schedule import write_expression
from providers.component import TYPE_PREFIX, Stack

PYTHON = "3.12"
INSTANCE_MB = 512
MAX_INSTANCES = 40
"""The smallest value that Flex Consumption accepts."""
PACKAGES = "packages"


class Trigger(pulumi.ComponentResource):
    """The webhook of one node."""

    url: pulumi.Output[str]
    """https://HOST, without a slash at the end."""
    site: pulumi.Output[str]
    """The app's name."""

    def __init__(
        self, node: Node, cluster: Cluster, job: app.Job, stack: Stack, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(f"{TYPE_PREFIX}:azure:Trigger", node.name, None, opts)
        self._node, self._cluster, self._tags = node, cluster, stack.tags(node)
        self._own = pulumi.ResourceOptions(parent=self)
        self.identity = managedidentity.UserAssignedIdentity(
            node.name,
            resource_group_name=cluster.group.name,
            location=cluster.region,
            tags=self._tags,
            opts=self._own,
        )
        grants = [
            roles.assign(
                f"{node.name}-start",
                job.id,
                roles.name_custom_role(cluster.subscription, cluster.starter),
                self.identity,
                self._own,
            ),
            roles.assign(
                f"{node.name}-claim",
                cluster.claims.id,
                roles.name_custom_role(cluster.subscription, cluster.claimer),
                self.identity,
                # A role cannot always be assigned immediately after its creation; by then, it can.
                pulumi.ResourceOptions(parent=self, depends_on=[job]),
                condition=roles.build_claims_condition(node.name),
            ),
        ]
        account, container, owner = self._create_host_storage()
        settings = self._build_settings(job, account, stack)
        site = self._create_site(settings, account, container, [*grants, owner])
        self.url, self.site = pulumi.Output.concat("https://", site.default_host_name), site.name
        Code(
            node.name,
            site=site.name,
            host=site.default_host_name,
            publisher=pulumi.Output.all(site.name, site.host_name_ssl_states).apply(
                lambda values: _find_publisher(values[0], values[1])
            ),
            settings=pulumi.Output.json_dumps(settings, sort_keys=True).apply(
                lambda text: hashlib.sha256(text.encode()).hexdigest()
            ),
            token=cluster.token,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[site, *grants, owner]),
        )
        self.register_outputs({"url": self.url})

    def _create_host_storage(self) -> tuple[storage.StorageAccount, storage.BlobContainer, pulumi.Resource]:
        node, group = self._node, self._cluster.group
        account = storage.StorageAccount(
            names.shorten("host", node.name),
            resource_group_name=group.name,
            location=self._cluster.region,
            kind="StorageV2",
            sku=storage.SkuArgs(name="Standard_LRS"),
            allow_shared_key_access=False,
            allow_blob_public_access=False,
            minimum_tls_version="TLS1_2",
            enable_https_traffic_only=True,
            tags=self._tags,
            opts=self._own,
        )
        container = storage.BlobContainer(
            node.name,
            resource_group_name=group.name,
            account_name=account.name,
            container_name=PACKAGES,
            public_access=storage.PublicAccess.NONE,
            opts=self._own,
        )
        owner = roles.assign(
            f"{node.name}-host",
            account.id,
            roles.name_builtin_role(self._cluster.subscription, roles.STORAGE_BLOB_DATA_OWNER),
            self.identity,
            self._own,
        )
        return account, container, owner

    def _build_settings(
        self, job: app.Job, account: storage.StorageAccount, stack: Stack
    ) -> dict[str, pulumi.Input[str]]:
        node, cluster = self._node, self._cluster
        settings: dict[str, pulumi.Input[str]] = {
            # With a user-assigned identity, the Functions host needs all three to access its storage.
            "AzureWebJobsStorage__accountName": account.name,
            "AzureWebJobsStorage__credential": "managedidentity",
            "AzureWebJobsStorage__clientId": self.identity.client_id,
            "APPLICATIONINSIGHTS_CONNECTION_STRING": cluster.insights.connection_string,
            "AZURE_CLIENT_ID": self.identity.client_id,
            "NODE_NAME": node.name,
            "MODEL_ID": stack.model_ids[node.name],
            "TOKEN_SHA256": stack.token_sha256(node),
            "NODE_ENABLED": "1" if node.enabled else "0",
            "JOB_ID": job.id,
            "CLAIMS_URL": pulumi.Output.concat(cluster.claims_url, "/", node.name),
        }
        if node.schedule and node.enabled:
            settings |= {
                "SCHEDULE_CRON": node.schedule.cron,
                "SCHEDULE_TIMEZONE": node.schedule.timezone,
                "SCHEDULE_TICKS": write_expression(node.schedule),
            }
        return settings

    def _create_site(
        self,
        settings: Mapping[str, pulumi.Input[str]],
        account: storage.StorageAccount,
        container: storage.BlobContainer,
        grants: Sequence[pulumi.Resource],
    ) -> web.WebApp:
        node, cluster = self._node, self._cluster
        plan = web.AppServicePlan(
            node.name,
            resource_group_name=cluster.group.name,
            location=cluster.region,
            kind="functionapp",
            reserved=True,
            sku=web.SkuDescriptionArgs(name="FC1", tier="FlexConsumption"),
            tags=self._tags,
            opts=self._own,
        )
        return web.WebApp(
            node.name,
            resource_group_name=cluster.group.name,
            location=cluster.region,
            kind="functionapp,linux",
            reserved=True,
            server_farm_id=plan.id,
            https_only=True,
            public_network_access="Enabled",
            identity=web.ManagedServiceIdentityArgs(
                type=web.ManagedServiceIdentityType.USER_ASSIGNED, user_assigned_identities=[self.identity.id]
            ),
            function_app_config=web.FunctionAppConfigArgs(
                runtime=web.FunctionsRuntimeArgs(name="python", version=PYTHON),
                scale_and_concurrency=web.FunctionsScaleAndConcurrencyArgs(
                    instance_memory_mb=INSTANCE_MB, maximum_instance_count=MAX_INSTANCES
                ),
                deployment=web.FunctionsDeploymentArgs(
                    storage=web.FunctionsDeploymentStorageArgs(
                        type="blobContainer",
                        value=pulumi.Output.concat(account.primary_endpoints.blob, container.name),
                        authentication=web.FunctionsDeploymentStorageAuthenticationArgs(
                            type="UserAssignedIdentity", user_assigned_identity_resource_id=self.identity.id
                        ),
                    )
                ),
            ),
            # A dictionary, since SiteConfigArgs adds `netFrameworkVersion`, which Flex Consumption refuses.
            site_config={
                "min_tls_version": "1.2",
                "app_settings": [{"name": key, "value": value} for key, value in settings.items()],
            },
            tags=self._tags,
            # The host accesses its storage when it starts.
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(grants)),
        )


def _find_publisher(site: str, hosts: Sequence[object] | None) -> str:
    for host in hosts or []:
        if getattr(host, "host_type", None) == "Repository":
            return str(host.name)  # type: ignore[attr-defined]
    return f"{site}.scm.azurewebsites.net"
