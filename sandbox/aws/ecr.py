"""ECR: repositories, DescribeImages, and passwords for pushing and pulling."""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sandbox.aws.calls import Call, Refused, Reply, reply
from sandbox.aws.handlers import AwsHandler
from sandbox.cloud import CloudError, Resource
from sandbox.values import UNKNOWN

if TYPE_CHECKING:
    from sandbox.aws.cloud import AwsCloud
    from sandbox.aws.iam import Caller

REPOSITORY = "aws:ecr/repository:Repository"
PASSWORDS, USER = "aws:ecr-passwords", "AWS"
_PASSWORD_SECONDS = 12 * 3600
_PART = r"[a-z0-9]+(?:[._-][a-z0-9]+)*"


class Repository(AwsHandler):
    """Repositories."""

    service, arn, limit = "ecr", "repository/{name}", rf"(?=.{{2,256}}$)(?:{_PART}/)*{_PART}"
    regional = True

    def add_computed(self, resource: Resource) -> None:
        registry = f"{self.cloud.account}.dkr.ecr.{resource.outputs['region']}.amazonaws.com"
        resource.outputs |= {"repositoryUrl": f"{registry}/{resource['name']}", "registryId": self.cloud.account}

    def delete(self, resource: Resource) -> None:
        images = self.cloud.kernel.images
        if images.tags(resource["repositoryUrl"]) and not resource.outputs.get("forceDelete"):
            raise CloudError(
                f"RepositoryNotEmptyException: The repository with name '{resource['name']}' cannot be deleted because "
                "it still contains images"
            )
        images.delete_repository(resource["repositoryUrl"])


class LifecyclePolicy(AwsHandler):
    """Rules by which a repository's images expire."""

    named = None

    def check(self, inputs: dict[str, Any]) -> Iterable[tuple[str, str]]:
        try:
            if inputs.get("policy") not in (None, UNKNOWN):
                json.loads(inputs["policy"])["rules"][0]["selection"]["tagStatus"]
        except (ValueError, KeyError, TypeError, IndexError):
            yield "policy", "contains an invalid lifecycle policy"

    def create(self, resource: Resource) -> None:
        repository = self.cloud.require(REPOSITORY, f"{self.cloud.region(resource)}:{resource.inputs['repository']}")
        resource.id = repository.id
        resource.outputs["registryId"] = self.cloud.account
        self.complete_outputs(resource)


def authorization(cloud: AwsCloud, caller: Caller, region: str) -> dict[str, Any]:
    """Return GetAuthorizationToken's answer: a password for the registry of a region, valid for twelve hours."""
    password, until = f"eyJwYXlsb2FkIjoi{secrets.token_hex(32)}", time.time() + _PASSWORD_SECONDS
    owner = {"name": caller.name, "arn": caller.arn, "region": region, "until": until}
    cloud.kernel.store.put(PASSWORDS, password, owner)
    return {
        "authorizationToken": base64.b64encode(f"{USER}:{password}".encode()).decode(),
        "expiresAt": until,
        "proxyEndpoint": f"https://{cloud.account}.dkr.ecr.{region}.amazonaws.com",
    }


def login_of(authorization: dict[str, Any]) -> tuple[str, str]:
    """Return the user and password in an authorization."""
    user, _, password = base64.b64decode(authorization["authorizationToken"]).decode().partition(":")
    return user, password


def serve(cloud: AwsCloud, call: Call, action: str) -> Reply:
    """Answer GetAuthorizationToken or DescribeImages. Raises Refused."""
    caller, request = cloud.access.caller(call), call.json()
    if action == "GetAuthorizationToken":
        cloud.access.demand(caller, "ecr:GetAuthorizationToken", "*")
        return reply({"authorizationData": [authorization(cloud, caller, cloud.region_of(call))]})
    if action != "DescribeImages":
        raise Refused(400, "UnknownOperationException", f"the sandbox has no {action}")
    repository = cloud.get(REPOSITORY, f"{cloud.region_of(call)}:{request.get('repositoryName', '')}")
    if repository is None:
        name = request.get("repositoryName")
        raise Refused(400, "RepositoryNotFoundException", f"The repository with name '{name}' does not exist")
    cloud.access.demand(caller, "ecr:DescribeImages", repository["arn"])
    tags = cloud.kernel.images.tags(repository["repositoryUrl"])
    details = []
    for image in request.get("imageIds") or [{"imageTag": tag} for tag in tags]:
        digest = tags.get(image.get("imageTag", ""))
        if digest is None:
            raise Refused(400, "ImageNotFoundException", f"The image with imageId {image} does not exist")
        details.append({"repositoryName": repository["name"], "imageDigest": digest, "imageTags": [image["imageTag"]]})
    return reply({"imageDetails": details})
