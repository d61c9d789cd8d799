"""The Google Cloud components under Pulumi's mocks: every registered resource with its inputs, parent, dependencies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest

from tests.providers import recorder
from tests.providers.recorder import Registered, place, registered
from tests.sandbox.conftest import kernel as kernel
from tests.sandbox.gcp.conftest import deployer as deployer
from tests.sandbox.gcp.conftest import google as google

PROJECT = "a-google-project"


class Mocks(recorder.Mocks):
    """Answers as pulumi-gcp does, as far as the components read the outputs."""

    def answer(self, type_: str, name: str, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        kind = type_.rsplit(":", 1)[-1]
        outputs: dict[str, Any] = {"name": f"{name}-1a2b3c4", **inputs}
        outputs |= _outputs(kind, outputs["name"], inputs)
        return f"projects/{PROJECT}/{kind}/{name}", outputs

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        assert args.token == "gcp:organizations/getClientConfig:getClientConfig"
        return {
            "project": PROJECT,
            "accessToken": "planted-deployer-token",
            "region": "",
            "zone": "",
            "id": "",
        }, []


def _outputs(kind: str, name: str, inputs: dict[str, Any]) -> dict[str, Any]:
    if kind == "Function":
        uri = f"https://{name}-abcdefghij-uc.a.run.app"
        return {"serviceConfig": {**inputs["serviceConfig"], "uri": uri}}
    if kind == "ImageBuild":
        digest = "sha256:" + "a" * 64
        return {"digest": digest, "image": f"{inputs['repository']}@{digest}"}
    known: dict[str, dict[str, Any]] = {
        "Account": {"email": f"{inputs.get('accountId')}@{PROJECT}.iam.gserviceaccount.com"},
        "IAMCustomRole": {"name": f"projects/{PROJECT}/roles/{inputs.get('roleId')}"},
        "Repository": {"name": inputs.get("repositoryId")},
        "SecretVersion": {"version": "7"},
    }
    return known.get(kind, {})


class Program(recorder.Program):
    """The clusters and nodes of a nodes.yaml, registered."""

    def granted(self, account: str) -> dict[str, Registered]:
        """The members that name a service account, by logical name."""
        email = self.one(":Account", account).inputs["accountId"]
        member = f"serviceAccount:{email}@{PROJECT}.iam.gserviceaccount.com"
        return {each.name: each for each in self.registered if each.inputs.get("member") == member}


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Program]:
    """Registers the nodes of a nodes.yaml's text."""
    monkeypatch.chdir(tmp_path)
    place(tmp_path)

    def register(
        text: str,
        project: str = "prediction-nodes",
        stack_name: str = "dev",
        webhook_key: str = "planted-webhook-key",
    ) -> Program:
        return Program(*registered("gcp", Mocks(), text, project, stack_name, webhook_key))

    return register


def problems(resource: Registered) -> list[tuple[str, str]]:
    """What the SDK's types and the provider's schema say against the inputs."""
    inputs = {key: value for key, value in resource.inputs.items() if key != "source"}
    if resource.type.endswith(":BucketObject"):
        inputs["source"] = b""
    return recorder.objections("gcp", resource, inputs)
