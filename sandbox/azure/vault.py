"""Key Vault: vaults, which keep their name after deletion, versioned secrets, and resolving references."""

from __future__ import annotations

import re
import secrets as random
import time
from typing import TYPE_CHECKING, Any

from sandbox.azure.calls import Call, Refused, Reply, reply
from sandbox.azure.conditions import Facts
from sandbox.azure.handlers import ArmHandler
from sandbox.azure.rbac import GET_SECRET
from sandbox.cloud import CloudError, Handler, Resource

if TYPE_CHECKING:
    from sandbox.azure.cloud import AzureCloud

VAULT = "azure-native:keyvault:Vault"
SECRET = "azure-native:keyvault:Secret"  # noqa: S105 - a type
SUFFIX, AUDIENCE = ".vault.azure.net", "https://vault.azure.net"
_DAY = 86400


class Vault(ArmHandler):
    """Microsoft.KeyVault/vaults."""

    kind, limit, worldwide = "Microsoft.KeyVault/vaults", r"[A-Za-z](?!.*--)[A-Za-z0-9-]{1,22}[A-Za-z0-9]", True

    def create(self, resource: Resource) -> None:
        name = resource.inputs["vaultName"]
        gone = self.cloud.kernel.store.get("azure:deleted-vaults", name)
        if gone and gone["until"] > time.time():
            raise CloudError(
                f"Code=\"ConflictError\": A vault with the same name already exists in deleted state ('{name}'). You "
                "need to either recover or purge existing key vault."
            )
        super().create(resource)

    def add_computed(self, resource: Resource) -> None:
        uri = f"https://{resource.outputs['name']}.vault.azure.net/"
        resource.outputs["properties"] = {**resource.inputs["properties"], "vaultUri": uri}

    def delete(self, resource: Resource) -> None:
        for key in self.cloud.kernel.store.all("azure:secret-values", resource["properties"]["vaultUri"]):
            self.cloud.kernel.store.delete("azure:secret-values", key)
        for secret in self.cloud.resources(SECRET):
            if secret.id.startswith(f"{resource.id}/"):
                self.cloud.forget(secret)
        days = resource["properties"].get("softDeleteRetentionInDays", 90)
        until = {"until": time.time() + days * _DAY}
        self.cloud.kernel.store.put("azure:deleted-vaults", resource["name"], until)


class Secret(Handler):
    """Microsoft.KeyVault/vaults/secrets: each new value creates a version; outputs never contain the value."""

    autoname = "secretName"
    replace_on = frozenset({"secretName", "vaultName", "resourceGroupName"})

    def __init__(self, cloud: AzureCloud) -> None:
        self.cloud = cloud

    def create(self, resource: Resource) -> None:
        name, vault = resource.inputs["secretName"], self.cloud.find(VAULT, name=resource.inputs["vaultName"])
        if vault is None:
            raise CloudError(f"Code=\"VaultNotFound\": The vault '{resource.inputs['vaultName']}' was not found")
        resource.id = f"{vault.id}/secrets/{name}"
        resource.outputs |= {"name": name, "type": "Microsoft.KeyVault/vaults/secrets"}
        self._version(resource)

    def update(self, old: Resource, resource: Resource) -> None:
        if old.inputs["properties"].get("value") != resource.inputs["properties"].get("value"):
            self._version(resource)
        else:
            resource.outputs["properties"] = old["properties"]

    def unknown_outputs(self, old_inputs: dict[str, Any], inputs: dict[str, Any]) -> set[str]:
        return {"properties"} if old_inputs.get("properties") != inputs.get("properties") else set()

    def _version(self, resource: Resource) -> None:
        uri = f"https://{resource.inputs['vaultName']}.vault.azure.net/secrets/{resource.inputs['secretName']}"
        version = random.token_hex(16)
        public = {key: value for key, value in resource.inputs["properties"].items() if key != "value"}
        resource.outputs["properties"] = {**public, "secretUri": uri, "secretUriWithVersion": f"{uri}/{version}"}
        value = {"value": resource.inputs["properties"].get("value", "")}
        self.cloud.kernel.store.put("azure:secret-values", f"{uri}/{version}", value)
        self.cloud.kernel.store.put("azure:secret-values", uri, value)

    def delete(self, resource: Resource) -> None:
        # Resource Manager cannot delete secrets. The provider calls the vault, where an owner has no permissions.
        raise CloudError(
            f'Code="Forbidden": Caller is not authorized to perform action on resource {resource.id}. InnerError='
            '{"code": "ForbiddenByRbac"} Action: Microsoft.KeyVault/vaults/secrets/delete'
        )


def serve(cloud: AzureCloud, call: Call) -> Reply:
    """Answer GET /secrets/NAME and GET /secrets/NAME/VERSION. Raises Refused."""
    principal = cloud.tokens.principal(call, AUDIENCE)
    if call.method != "GET" or not re.fullmatch(r"/secrets/[^/]+(/[^/]+)?", call.path):
        raise Refused(404, "NotFound", f"the sandbox has no {call.method} {call.path}")
    if not call.query.get("api-version"):
        raise Refused(400, "BadParameter", "the query has no api-version")
    url = f"https://{call.host}{call.path}"
    return reply({"value": resolve(cloud, url, principal), "id": url})


def resolve(cloud: AzureCloud, uri: str, principal: str) -> str:
    """Return the value that a reference points to, with the permissions of a principal. Raises Refused."""
    host = uri.split("/")[2]
    vault = cloud.find(VAULT, name=host.split(".")[0])
    if vault is None:
        raise Refused(404, "VaultNotFound", f"there is no vault {host}")
    secret = f"{vault.id}/secrets/{uri.split('/')[4]}"
    if not cloud.access.is_allowed(principal, GET_SECRET, secret, Facts(GET_SECRET)):
        raise Refused(403, "ForbiddenByRbac", f"Caller is not authorized to perform {GET_SECRET} on {secret}")
    value = cloud.kernel.store.get("azure:secret-values", uri.rstrip("/"))
    if value is None:
        raise Refused(404, "SecretNotFound", f"there is no secret {uri}")
    return str(value["value"])
