"""The answers of Pulumi's AWS provider."""

from __future__ import annotations

from typing import Any

import pulumi

from docs.generate import recorder

ACCOUNT = "123456789012"


class Mocks(recorder.Mocks):
    """Answers as pulumi-aws does, as far as the components read the outputs."""

    zones = "abc"
    offered = ("m5.large", "r5.4xlarge", "r6i.4xlarge")
    """In no particular order, as EC2 answers."""

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


def _outputs(kind: str, known: dict[str, Any]) -> dict[str, Any]:
    if kind == "ImageBuild":
        digest = "sha256:" + "a" * 64
        return {"digest": digest, "image": f"{known['repository']}@{digest}"}
    found: dict[str, dict[str, Any]] = {
        "Repository": {"repositoryUrl": f"{ACCOUNT}.dkr.ecr.{known.get('region')}.amazonaws.com/{known['name']}"},
        "JobDefinition": {"arnPrefix": known["arn"], "arn": f"{known['arn']}:7", "revision": 7},
        "FunctionUrl": {"functionUrl": "https://abc.lambda-url.us-east-1.on.aws/"},
        "LaunchTemplate": {"latestVersion": 3},
        "Bucket": {"arn": f"arn:aws:s3:::{known['bucket']}"},
        "Secret": {"arn": f"{known['arn']}-AbCdEf"},
    }
    return found.get(kind, {})
