"""Mocks of Pulumi's Google Cloud provider."""

from __future__ import annotations

from typing import Any

import pulumi

from docs.generate import recorder

PROJECT = "a-google-project"


class Mocks(recorder.Mocks):
    """Returns the outputs of pulumi-gcp that the components read."""

    def answer(self, type_: str, name: str, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        kind = type_.rsplit(":", 1)[-1]
        outputs: dict[str, Any] = {"name": f"{name}-1a2b3c4", **inputs}
        outputs |= _outputs(kind, outputs["name"], inputs)
        return f"projects/{PROJECT}/{kind}/{name}", outputs

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        assert args.token.endswith(":getClientConfig")
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
    if kind == "FunctionCode":
        return {"url": f"https://{inputs['function'].rsplit('/', 1)[-1]}-abcdefghij-uc.a.run.app"}
    if kind == "ImageBuild":
        digest = "sha256:" + "a" * 64
        return {"digest": digest, "image": f"{inputs['repository']}@{digest}"}
    outputs: dict[str, dict[str, Any]] = {
        "Account": {"email": f"{inputs.get('accountId')}@{PROJECT}.iam.gserviceaccount.com", "project": PROJECT},
        "IAMCustomRole": {"name": f"projects/{PROJECT}/roles/{inputs.get('roleId')}"},
        "Repository": {"name": inputs.get("repositoryId")},
        "SecretVersion": {"version": "7"},
    }
    return outputs.get(kind, {})
