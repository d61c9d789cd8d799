"""ECR for pushes from outside AWS: the provider function that returns a password, and the permission check."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sandbox.aws import ecr, iam
from sandbox.calls import Refused
from sandbox.docker_build.registries import unauthorized

if TYPE_CHECKING:
    from sandbox.aws.cloud import AwsCloud

_HOST = re.compile(r"\d{12}\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com")
ACTIONS = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:InitiateLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:CompleteLayerUpload",
    "ecr:PutImage",
    "ecr:BatchGetImage",
)


def authorization_token(cloud: AwsCloud, region: str) -> dict[str, Any]:
    """Answer aws:ecr/getAuthorizationToken for the deployer."""
    deployer = iam.Caller(iam.DEPLOYER, f"arn:aws:iam::{cloud.account}:user/{iam.DEPLOYER}")
    authorization = ecr.authorization(cloud, deployer, region)
    user, password = ecr.login_of(authorization)
    return {
        "authorizationToken": authorization["authorizationToken"],
        "expiresAt": datetime.fromtimestamp(authorization["expiresAt"], UTC).isoformat(),
        "id": region,
        "password": password,
        "proxyEndpoint": authorization["proxyEndpoint"],
        "region": region,
        "userName": user,
    }


class Pushes:
    """The registries of all regions."""

    def __init__(self, cloud: AwsCloud) -> None:
        self._cloud = cloud

    def serves(self, host: str) -> bool:
        """Return whether this is a registry's host."""
        return _HOST.fullmatch(host) is not None

    def admit(self, repository: str, user: str, password: str) -> None:
        """Raise Refused unless the password's owner may push to the repository."""
        match = _HOST.match(repository)
        login = self._cloud.kernel.store.get(ecr.PASSWORDS, password)
        if user != ecr.USER or login is None or match is None or login["region"] != match[1]:
            raise unauthorized()
        if login["until"] < time.time():
            raise Refused(403, "DENIED", "Your authorization token has expired. Reauthenticate and try again.")
        place = self._cloud.find(ecr.REPOSITORY, repositoryUrl=repository)
        if place is None:
            name = repository.partition("/")[2]
            raise Refused(404, "NAME_UNKNOWN", f"The repository with name '{name}' does not exist in the registry")
        for action in ACTIONS:
            self._cloud.access.demand(iam.Caller(login["name"], login["arn"]), action, place["arn"])

    def record_push(self, repository: str, digest: str) -> None:
        """Do nothing: the images themselves are the record."""
