"""The Google Cloud components under Pulumi's mocks: every registered resource with its inputs, parent, dependencies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from docs.generate import recorder
from docs.generate.mocks.gcp import PROJECT, Mocks
from docs.generate.recorder import Registered, place, registered
from tests.providers.objections import objections
from tests.sandbox.conftest import kernel as kernel
from tests.sandbox.gcp.conftest import deployer as deployer
from tests.sandbox.gcp.conftest import google as google


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
        return Program(*registered(Mocks(), text, project, stack_name, webhook_key))

    return register


def problems(resource: Registered) -> list[tuple[str, str]]:
    """What the SDK's types and the provider's schema say against the inputs."""
    inputs = {key: value for key, value in resource.inputs.items() if key != "source"}
    if resource.type.endswith(":BucketObject"):
        inputs["source"] = b""
    return objections("gcp", resource, inputs)
