"""A simulated Azure in which tests create resources without the engine."""

from __future__ import annotations

import ssl
from typing import Any

import httpx

from sandbox.azure import diagnostics, handlers, rbac
from sandbox.azure.cloud import AzureCloud
from sandbox.azure.identity import IDENTITY, MANAGEMENT
from sandbox.azure.storage import ACCOUNT, CONTAINER
from sandbox.cloud import Resource
from sandbox.network import Network
from tests.sandbox.networked import Account

NAMESPACES = [
    "Microsoft.App", "Microsoft.ContainerRegistry", "Microsoft.Insights", "Microsoft.KeyVault",
    "Microsoft.ManagedIdentity", "Microsoft.OperationalInsights", "Microsoft.Storage", "Microsoft.Web",
]  # fmt: skip
GROUP = "group"
PLACE = {"resourceGroupName": GROUP, "location": "eastus"}
Holder = Resource | dict[str, Any]
"""What has a `principalId`: an identity, or the output `identity` of an app."""
BUILT_IN = "/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions"


class Azure(Account[AzureCloud]):
    """`cloud` is the simulated cloud; `make` creates a resource as the plugin would."""

    def __init__(self, cloud: AzureCloud, network: Network) -> None:
        super().__init__(cloud, network)
        for namespace in NAMESPACES:
            cloud.kernel.store.put("azure:providers", namespace, {})
        self.make(handlers.GROUP, GROUP, resourceGroupName=GROUP, location="eastus")

    def identity(self, name: str) -> Resource:
        return self.make(IDENTITY, name, resourceGroupName=GROUP, location="eastus")

    def account(self, name: str) -> Resource:
        return self.make(
            ACCOUNT, name, resourceGroupName=GROUP, location="eastus", kind="StorageV2", sku={"name": "Standard_LRS"}
        )

    def container(self, account: Resource, name: str) -> Resource:
        return self.make(
            CONTAINER,
            name,
            resourceGroupName=GROUP,
            accountName=account["name"],
            containerName=name,
            publicAccess="None",
        )

    def send_logs(self, environment: Resource, workspace: Resource, *categories: str, **inputs: Any) -> Resource:
        """Create a diagnostic setting, with tables of its own unless `inputs` say otherwise."""
        logs = [{"category": category, "enabled": True} for category in categories]
        inputs = {"logAnalyticsDestinationType": "Dedicated", "logs": logs, "workspaceId": workspace.id, **inputs}
        return self.make(diagnostics.SETTING, "logs", resourceUri=environment.id, **inputs)

    def grant(self, identity: Holder, role: str, scope: str, condition: str | None = None) -> Resource:
        role_id = role if role.startswith("/") else f"{BUILT_IN}/{role}"
        number = len(self.cloud.resources(rbac.ASSIGNMENT))
        inputs = {
            "roleAssignmentName": f"00000000-0000-4000-8000-{number:012}",
            "scope": scope,
            "roleDefinitionId": role_id,
            "principalId": identity["principalId"],
            "principalType": "ServicePrincipal",
        }
        return self.make(rbac.ASSIGNMENT, "grant", **inputs, **({"condition": condition} if condition else {}))

    def token(self, identity: Resource | None = None, audience: str = MANAGEMENT) -> str:
        return self.cloud.tokens.issue(identity["principalId"] if identity else rbac.DEPLOYER, audience)[0]

    def http(self, token: str = "") -> httpx.Client:
        trust = ssl.create_default_context(cafile=str(self.network.ca_file))
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        proxy = self.network.proxy("test")
        return httpx.Client(proxy=proxy, verify=trust, trust_env=False, headers=headers, timeout=60)
