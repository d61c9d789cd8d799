"""The resources that Google Cloud nodes register under Pulumi's mocks, and the provider's objections to them."""

from __future__ import annotations

from docs.generate import recorder
from docs.generate.mocks.gcp import PROJECT
from docs.generate.recorder import Registered
from tests.providers.objections import objections


class Program(recorder.Program):
    """The registered clusters and nodes of a nodes.yaml."""

    def granted(self, account: str) -> dict[str, Registered]:
        """Return the IAM members that name a service account, by logical name."""
        email = self.find(":Account", account).inputs["accountId"]
        member = f"serviceAccount:{email}@{PROJECT}.iam.gserviceaccount.com"
        return {each.name: each for each in self.registered if each.inputs.get("member") == member}


def problems(resource: Registered) -> list[tuple[str, str]]:
    """Return the objections of the SDK's types and the provider's schema to the inputs."""
    inputs = {key: value for key, value in resource.inputs.items() if key != "source"}
    if resource.type.endswith(":BucketObject"):
        inputs["source"] = b""
    return objections("gcp", resource, inputs)
