"""Mocks of Pulumi's AWS provider."""

from __future__ import annotations

from typing import Any

import pulumi

from docs.generate import recorder

ACCOUNT = "123456789012"


class Mocks(recorder.Mocks):
    """Returns the outputs of pulumi-aws that the components read."""

    zones = "abc"
    offered = ("m5.large", "r5.4xlarge", "r6i.4xlarge")
    """In no particular order, as from EC2."""

    def answer(self, type_: str, name: str, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        kind, physical = type_.rsplit(":", 1)[-1], f"{name}-1a2b3c4"
        outputs: dict[str, Any] = {"name": physical, "bucket": physical, **inputs}
        service = type_.split(":")[1].split("/")[0] if ":" in type_ else ""
        outputs["arn"] = f"arn:aws:{service}:{inputs.get('region', '')}:{ACCOUNT}:{kind}/{outputs['name']}"
        return f"{kind}-{name}", outputs | _outputs(kind, outputs)

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        if args.token.endswith(":getCallerIdentity"):
            return {"accountId": ACCOUNT, "arn": f"arn:aws:iam::{ACCOUNT}:user/me", "id": "i", "userId": "u"}, []
        if args.token.endswith(":getInstanceTypeOfferings"):
            return {"instanceTypes": self.offered, "id": "o", "locations": []}, []
        if args.token.endswith(":getAuthorizationToken"):
            return {"userName": "AWS", "password": f"planted-password-{args.args['region']}"}, []
        assert args.token.endswith(":getAvailabilityZones")
        return {"names": [f"{args.args['region']}{letter}" for letter in self.zones], "id": "z", "zoneIds": []}, []


def _outputs(kind: str, common: dict[str, Any]) -> dict[str, Any]:
    if kind == "ImageBuild":
        digest = "sha256:" + "a" * 64
        return {"digest": digest, "image": f"{common['repository']}@{digest}"}
    outputs: dict[str, dict[str, Any]] = {
        "Repository": {"repositoryUrl": f"{ACCOUNT}.dkr.ecr.{common.get('region')}.amazonaws.com/{common['name']}"},
        "JobDefinition": {"arnPrefix": common["arn"], "arn": f"{common['arn']}:7", "revision": 7},
        "FunctionUrl": {"functionUrl": "https://abc.lambda-url.us-east-1.on.aws/"},
        "LaunchTemplate": {"latestVersion": 3},
        "Bucket": {"arn": f"arn:aws:s3:::{common['bucket']}"},
        "Secret": {"arn": f"{common['arn']}-AbCdEf"},
    }
    return outputs.get(kind, {})
