"""The Azure components under Pulumi's mocks: every registered resource with its inputs, parent and dependencies."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest

from tests.providers import recorder
from tests.providers.recorder import Registered, place, registered
from tests.sandbox.azure.conftest import azure as azure
from tests.sandbox.azure.conftest import deployer as deployer
from tests.sandbox.conftest import kernel as kernel

SUBSCRIPTION, TENANT = "00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b"


class Mocks(recorder.Mocks):
    """Answers as azure-native does, as far as the components read the outputs."""

    def answer(self, type_: str, name: str, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        physical = f"{name}12345678"
        guid = hashlib.md5(f"{type_}{name}".encode(), usedforsecurity=False).hexdigest()
        kind = type_.rsplit(":", 1)[-1]
        outputs: dict[str, Any] = {"name": physical, **inputs}
        outputs["name"] = next((value for key, value in inputs.items() if key in _NAMED), physical)
        outputs |= _outputs(kind, physical, guid, inputs)
        identity = outputs.get("identity")
        if isinstance(identity, dict):
            ids: dict[str, dict[str, str]] = {id_: {} for id_ in identity["userAssignedIdentities"]}
            outputs["identity"] = {**identity, "userAssignedIdentities": ids}
        return f"/subscriptions/{SUBSCRIPTION}/{kind}/{name}", outputs

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        if args.token.endswith(":getClientConfig"):
            return {"subscriptionId": SUBSCRIPTION, "tenantId": TENANT, "clientId": "c", "objectId": "o"}, []
        if args.token.endswith(":getClientToken"):
            return {"token": "planted-deployer-token"}, []
        return {"primarySharedKey": "planted-shared-key"}, []


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
    found: dict[str, dict[str, Any]] = {
        "Registry": {"loginServer": f"{name}.azurecr.io"},
        "StorageAccount": {"primaryEndpoints": {"blob": f"https://{name}.blob.core.windows.net/"}},
        "UserAssignedIdentity": {"principalId": f"principal-{guid}", "clientId": f"client-{guid}"},
        "Workspace": {"customerId": guid},
        "Component": {"connectionString": f"InstrumentationKey={guid}"},
    }
    return found.get(kind, {})


class Program(recorder.Program):
    """The clusters and nodes of a nodes.yaml, registered."""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Program]:
    """Registers the nodes of a nodes.yaml's text."""
    monkeypatch.chdir(tmp_path)
    place(tmp_path)

    def register(text: str, project: str = "prediction-nodes", stack_name: str = "dev") -> Program:
        return Program(*registered("azure", Mocks(), text, project, stack_name))

    return register


def problems(resource: Registered) -> list[tuple[str, str]]:
    """What the SDK's types and Microsoft's say against the inputs."""
    return recorder.objections("azure-native", resource)
