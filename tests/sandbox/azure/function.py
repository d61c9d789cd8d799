"""The trigger's function app in the simulated Azure, with everything that it needs."""

from __future__ import annotations

import hashlib
from typing import Any

from providers.azure import roles
from providers.azure.archive import ARCHIVE
from sandbox.azure import web
from tests.sandbox.azure.cloud import PLACE, Azure

MODEL = "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01"


class World:
    """An app like that of the component, without claims and job."""

    def __init__(self, azure: Azure) -> None:
        self.azure = azure
        self.identity = azure.identity("alpha")
        account = azure.account("host12")
        container = azure.container(account, "packages")
        self.owner = azure.grant(self.identity, roles.STORAGE_BLOB_DATA_OWNER, account.id)
        plan = azure.make(web.PLAN, "alpha", **PLACE, sku={"name": "FC1", "tier": "FlexConsumption"})
        self.settings = {
            "NODE_NAME": "alpha",
            "MODEL_ID": MODEL,
            "TOKEN_SHA256": hashlib.sha256(b"token").hexdigest(),
            "NODE_ENABLED": "1",
            "AZURE_CLIENT_ID": self.identity["clientId"],
            "JOB_ID": "/subscriptions/s/resourceGroups/group/providers/Microsoft.App/jobs/none",
            "CLAIMS_URL": f"https://{account['name']}.blob.core.windows.net/packages/alpha",
        }
        self.inputs: dict[str, Any] = {
            **PLACE,
            "kind": "functionapp,linux",
            "serverFarmId": plan.id,
            "identity": {"type": "UserAssigned", "userAssignedIdentities": [self.identity.id]},
            "functionAppConfig": {
                "runtime": {"name": "python", "version": "3.12"},
                "scaleAndConcurrency": {"instanceMemoryMB": 512, "maximumInstanceCount": 40},
                "deployment": {
                    "storage": {
                        "type": "blobContainer",
                        "value": f"{account['primaryEndpoints']['blob']}{container['name']}",
                        "authentication": {
                            "type": "UserAssignedIdentity",
                            "userAssignedIdentityResourceId": self.identity.id,
                        },
                    }
                },
            },
            "siteConfig": self.config(),
        }
        self.site = azure.make(web.SITE, "alpha", **self.inputs)

    def config(self, **more: str) -> dict[str, Any]:
        return {"appSettings": [{"name": name, "value": value} for name, value in (self.settings | more).items()]}

    def props(self, token: str) -> dict[str, str]:
        return {
            "site": self.site["name"],
            "host": self.site["defaultHostName"],
            "publisher": f"{self.site['name']}.scm.azurewebsites.net",
            "settings": "1",
            "package": ARCHIVE.digest(),
            "token": token,
        }

    @property
    def url(self) -> str:
        return f"https://{self.site['defaultHostName']}"
