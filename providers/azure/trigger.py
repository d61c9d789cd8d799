"""A region's trigger on Azure: a function app on Flex Consumption, whose own identity may start the region's jobs.

The Functions host stores its package, keys and timer locks in a storage account, on which it needs the role of an
owner. So the app has its own account: with a shared one, it could overwrite claims. Python 3.12 is the newest runtime
whose worker includes azure-functions (from 3.13, the package must contain it and its dependencies). So the package has
only a few KB and needs no build.

The app costs next to nothing. Its timer ticks every minute, which is 44,640 executions in a month of 31 days. Flex
Consumption bills at least a second of each, with 0.5 GB: 22,320 GB-seconds. A subscription's free grant of 250,000
executions and 100,000 GB-seconds covers four regions. Each tick lists the table once, which is 0.22 USD a month (0.05
USD for 10,000 lists).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi
from pulumi_azure_native import resources, storage, web

from providers.azure import names, roles
from providers.azure.code import Code
from providers.azure.private_storage import create_account
from providers.component import TYPE_PREFIX

PYTHON = "3.12"
INSTANCE_MB = 512
MAX_INSTANCES = 40
"""The smallest value that every region accepts. West Europe, Australia East and West US 2 have accepted less since
January 2026 (Azure/azure-functions-host 10523)."""
PACKAGES = "packages"
HOST_ROLES = {"host": roles.STORAGE_BLOB_DATA_OWNER, "host-events": roles.STORAGE_TABLE_DATA_CONTRIBUTOR}
"""The roles of a host without extensions whose diagnostic events, which it keeps in a table, are supported
(learn.microsoft.com/azure/azure-functions/functions-reference, "Connecting to host storage with an identity"). Only
blob triggers and Durable Functions need queues."""


class Trigger(pulumi.ComponentResource):
    """The webhook of a region's nodes. `store` is the URL of the storage account with the table and the claims."""

    url: pulumi.Output[str]
    """https://HOST, without a slash at the end. Known when the code runs."""
    site: pulumi.Output[str]
    """The app's name."""
    principal: pulumi.Output[str]
    """The object id of the app's identity."""
    code: Code
    """Runs when this exists."""

    def __init__(
        self,
        name: str,
        group: resources.ResourceGroup,
        more: Mapping[str, pulumi.Output[str]],
        store: pulumi.Output[str],
        insights: pulumi.Output[str],
        subscription: pulumi.Output[str],
        token: pulumi.Output[str],
        tags: Mapping[str, str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`more` has further settings of the app."""
        super().__init__(f"{TYPE_PREFIX}:azure:Trigger", name, None, opts)
        self._name, self._group, self._tags = name, group, tags
        self._own = pulumi.ResourceOptions(parent=self)
        role = roles.create_role(name, group.id, self._own)
        account, container = self._create_host_storage()
        settings = {
            # The Functions host accesses its storage with the app's own identity.
            "AzureWebJobsStorage__accountName": account.name,
            "APPLICATIONINSIGHTS_CONNECTION_STRING": insights,
            "STORE_URL": store,
            **more,
        }
        site = self._create_site(settings, pulumi.Output.concat(account.primary_endpoints.blob, container.name))
        self.principal = site.identity.apply(lambda identity: str(identity.principal_id) if identity else "")
        grants = [
            roles.assign(
                f"{name}-trigger",
                group.id,
                roles.name_custom_role(subscription, role),
                self.principal,
                self._own,
                condition=roles.TRIGGER_CONDITION,
            ),
            *(
                roles.assign(
                    f"{name}-{purpose}",
                    account.id,
                    roles.name_builtin_role(subscription, role),
                    self.principal,
                    self._own,
                )
                for purpose, role in HOST_ROLES.items()
            ),
        ]
        code = self.code = Code(
            name,
            site=site.name,
            host=site.default_host_name,
            publisher=pulumi.Output.all(site.name, site.host_name_ssl_states).apply(
                lambda values: _find_publisher(values[0], values[1])
            ),
            token=token,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[site, *grants]),
        )
        # Depends on the code, so that no webhook is registered with Numerai before the code runs.
        self.url = pulumi.Output.all(site.default_host_name, code.urn).apply(lambda values: f"https://{values[0]}")
        self.site = site.name
        self.register_outputs({"url": self.url})

    def _create_host_storage(self) -> tuple[storage.StorageAccount, storage.BlobContainer]:
        account = create_account(
            names.shorten("host", self._name), self._group, self._group.location, self._tags, self._own
        )
        container = storage.BlobContainer(
            self._name,
            resource_group_name=self._group.name,
            account_name=account.name,
            container_name=PACKAGES,
            public_access=storage.PublicAccess.NONE,
            opts=self._own,
        )
        return account, container

    def _create_site(self, settings: Mapping[str, pulumi.Input[str]], packages: pulumi.Output[str]) -> web.WebApp:
        plan = web.AppServicePlan(
            self._name,
            resource_group_name=self._group.name,
            location=self._group.location,
            kind="functionapp",
            reserved=True,
            sku=web.SkuDescriptionArgs(name="FC1", tier="FlexConsumption"),
            tags=self._tags,
            opts=self._own,
        )
        return web.WebApp(
            self._name,
            resource_group_name=self._group.name,
            location=self._group.location,
            kind="functionapp,linux",
            reserved=True,
            server_farm_id=plan.id,
            https_only=True,
            public_network_access="Enabled",
            identity=web.ManagedServiceIdentityArgs(type=web.ManagedServiceIdentityType.SYSTEM_ASSIGNED),
            function_app_config=web.FunctionAppConfigArgs(
                runtime=web.FunctionsRuntimeArgs(name="python", version=PYTHON),
                scale_and_concurrency=web.FunctionsScaleAndConcurrencyArgs(
                    instance_memory_mb=INSTANCE_MB, maximum_instance_count=MAX_INSTANCES
                ),
                deployment=web.FunctionsDeploymentArgs(
                    storage=web.FunctionsDeploymentStorageArgs(
                        type="blobContainer",
                        value=packages,
                        authentication=web.FunctionsDeploymentStorageAuthenticationArgs(type="SystemAssignedIdentity"),
                    )
                ),
            ),
            # A dictionary, since SiteConfigArgs adds `netFrameworkVersion`, which Flex Consumption refuses.
            site_config={
                "min_tls_version": "1.2",
                "app_settings": [{"name": key, "value": value} for key, value in settings.items()],
            },
            tags=self._tags,
            opts=self._own,
        )


def _find_publisher(site: str, hosts: Sequence[object] | None) -> str:
    for host in hosts or []:
        if getattr(host, "host_type", None) == "Repository":
            return str(host.name)  # type: ignore[attr-defined]
    return f"{site}.scm.azurewebsites.net"
