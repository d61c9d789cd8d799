"""Mocks of Pulumi's Azure provider."""

from __future__ import annotations

import hashlib
from typing import Any

import pulumi

from docs.generate import recorder

SUBSCRIPTION, TENANT = "00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b"


class Mocks(recorder.Mocks):
    """Returns the outputs of azure-native that the components read."""

    def answer(self, type_: str, name: str, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        physical = f"{name}12345678"
        guid = hashlib.md5(f"{type_}{name}".encode(), usedforsecurity=False).hexdigest()
        kind = type_.rsplit(":", 1)[-1]
        outputs: dict[str, Any] = {"name": physical, **inputs}
        outputs["name"] = next((value for key, value in inputs.items() if key in _NAMED), physical)
        outputs |= _outputs(kind, physical, guid, inputs)
        identity = outputs.get("identity")
        if isinstance(identity, dict) and identity["type"] == "SystemAssigned":
            outputs["identity"] = {**identity, "principalId": f"principal-{guid}"}
        elif isinstance(identity, dict):
            ids: dict[str, dict[str, str]] = {id_: {} for id_ in identity["userAssignedIdentities"]}
            outputs["identity"] = {**identity, "userAssignedIdentities": ids}
        return f"/subscriptions/{SUBSCRIPTION}/{kind}/{name}", outputs

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        if args.token.endswith(":getClientConfig"):
            return {"subscriptionId": SUBSCRIPTION, "tenantId": TENANT, "clientId": "c", "objectId": "o"}, []
        return {"token": "planted-deployer-token"}, []


_NAMED = ("containerName", "secretName", "roleDefinitionId", "roleAssignmentName")


def _outputs(kind: str, name: str, guid: str, inputs: dict[str, Any]) -> dict[str, Any]:
    if kind == "WebApp":
        hosts = {"Standard": f"{name}.azurewebsites.net", "Repository": f"{name}.scm.azurewebsites.net"}
        states = [{"hostType": type_, "name": host} for type_, host in hosts.items()]
        return {"defaultHostName": hosts["Standard"], "hostNameSslStates": states}
    if kind == "Secret":
        uri = f"https://vault/secrets/{name}"
        return {"properties": {"secretUri": uri, "secretUriWithVersion": f"{uri}/1"}}
    if kind == "ImageBuild":
        digest = "sha256:" + "a" * 64
        return {"digest": digest, "image": f"{inputs['repository']}@{digest}"}
    outputs: dict[str, dict[str, Any]] = {
        "Registry": {"loginServer": f"{name}.azurecr.io"},
        "StorageAccount": {"primaryEndpoints": {"blob": f"https://{name}.blob.core.windows.net/"}},
        "UserAssignedIdentity": {"principalId": f"principal-{guid}", "clientId": f"client-{guid}"},
        "Workspace": {"customerId": guid},
        "Component": {"connectionString": f"InstrumentationKey={guid}"},
    }
    return outputs.get(kind, {})
