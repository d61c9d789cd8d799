"""A region's function app in the simulated Azure, with everything that it needs."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

from providers.azure import roles
from providers.azure.archive import ARCHIVE
from sandbox.azure import rbac, web
from sandbox.azure.storage import CONTAINER
from sandbox.cloud import Resource
from tests.sandbox.azure.cloud import GROUP, PLACE, Azure

TRIGGER_ROLE = "00000000-0000-4000-8000-0000000000cc"
MODEL = "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01"


class World:
    """An app like that of the component, with the row of one node but without its job."""

    def __init__(self, azure: Azure) -> None:
        self.azure = azure
        host, self.store = azure.account("host12"), azure.account("claims12")
        container = azure.container(host, "packages")
        self.row = azure.make(
            CONTAINER,
            "alpha",
            resourceGroupName=GROUP,
            accountName=self.store["name"],
            containerName="claims-alpha",
            publicAccess="None",
            metadata=self.columns(),
        )
        plan = azure.make(web.PLAN, "trigger", **PLACE, sku={"name": "FC1", "tier": "FlexConsumption"})
        self.settings = {"STORE_URL": self.store["primaryEndpoints"]["blob"]}
        self.inputs: dict[str, Any] = {
            **PLACE,
            "kind": "functionapp,linux",
            "serverFarmId": plan.id,
            "identity": {"type": "SystemAssigned"},
            "functionAppConfig": {
                "runtime": {"name": "python", "version": "3.12"},
                "scaleAndConcurrency": {"instanceMemoryMB": 512, "maximumInstanceCount": 40},
                "deployment": {
                    "storage": {
                        "type": "blobContainer",
                        "value": f"{host['primaryEndpoints']['blob']}{container['name']}",
                        "authentication": {"type": "SystemAssignedIdentity"},
                    }
                },
            },
            "siteConfig": self.config(),
        }
        self.site = azure.make(web.SITE, "trigger", **self.inputs)
        self.owner = self.grant(roles.STORAGE_BLOB_DATA_OWNER, host.id)
        group = f"/subscriptions/{azure.cloud.subscription}/resourceGroups/{GROUP}"
        make_trigger_role(azure)
        self.role = self.grant(TRIGGER_ROLE, group, roles.TRIGGER_CONDITION)

    def grant(self, role: str, scope: str, condition: str | None = None) -> Resource:
        """Grant a role to the app's identity."""
        return self.azure.grant(self.site.outputs["identity"], role, scope, condition)

    def columns(self, **changes: str) -> dict[str, str]:
        """Return the metadata of the node's container."""
        columns = {"node": "alpha", "model_id": MODEL, "token_sha256": hashlib.sha256(b"token").hexdigest()}
        job = f"/subscriptions/{uuid.UUID(int=1)}/resourceGroups/group/providers/Microsoft.App/jobs/none"
        return {**columns, "job": job, "enabled": "yes", **changes}

    def config(self, **more: str) -> dict[str, Any]:
        return {"appSettings": [{"name": name, "value": value} for name, value in (self.settings | more).items()]}

    def props(self, token: str) -> dict[str, str]:
        return {
            "site": self.site["name"],
            "host": self.site["defaultHostName"],
            "publisher": f"{self.site['name']}.scm.azurewebsites.net",
            "package": ARCHIVE.digest(),
            "token": token,
        }

    @property
    def url(self) -> str:
        return f"https://{self.site['defaultHostName']}"


def make_trigger_role(azure: Azure) -> None:
    """Create the trigger's role."""
    azure.make(
        rbac.DEFINITION,
        "trigger",
        roleDefinitionId=TRIGGER_ROLE,
        roleName="trigger",
        scope="/s",
        permissions=[{"actions": roles.TRIGGER_ACTIONS, "dataActions": roles.TRIGGER_DATA_ACTIONS}],
    )
