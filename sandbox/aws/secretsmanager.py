"""Secrets Manager: secrets, which occupy their name until their scheduled deletion, versions, and reading a value."""

from __future__ import annotations

import json
import re
import secrets
import string
import time
from typing import TYPE_CHECKING, Any

from sandbox.aws.calls import Call, Refused, Reply, reply
from sandbox.aws.handlers import AwsHandler
from sandbox.cloud import CloudError, Resource

if TYPE_CHECKING:
    from sandbox.aws.cloud import AwsCloud

SECRET = "aws:secretsmanager/secret:Secret"  # noqa: S105 - a type
VERSION = "aws:secretsmanager/secretVersion:SecretVersion"
_DAY = 86400


class Secret(AwsHandler):
    """Secrets, whose ARN ends with six random characters."""

    limit = r"[\w/+=.@-]{1,512}"

    def create(self, resource: Resource) -> None:
        name, days = resource.inputs["name"], resource.inputs.get("recoveryWindowInDays", 30)
        if days != 0 and not 7 <= days <= 30:
            raise CloudError("InvalidParameterException: recovery_window_in_days must be 0 or 7 to 30")
        gone = self.cloud.kernel.store.get("aws:deleted-secrets", name)
        if gone and gone["until"] > time.time():
            raise CloudError(
                "InvalidRequestException: You can't create this secret because a secret with this name is already "
                "scheduled for deletion."
            )
        super().create(resource)
        suffix = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(6))
        where = f"arn:aws:secretsmanager:{resource.outputs['region']}:{self.cloud.account}"
        resource.id = resource.outputs["arn"] = f"{where}:secret:{name}-{suffix}"

    def delete(self, resource: Resource) -> None:
        days = resource.outputs.get("recoveryWindowInDays", 30)
        if days:
            until = {"until": time.time() + days * _DAY}
            self.cloud.kernel.store.put("aws:deleted-secrets", resource["name"], until)
        self.cloud.kernel.store.delete("aws:secret-values", resource.id)


class Version(AwsHandler):
    """Versions of a secret's value; the newest is the current one."""

    named, refers = None, {"secretId": SECRET}

    def create(self, resource: Resource) -> None:
        secret = self.cloud.require(SECRET, resource.inputs["secretId"])
        if not resource.inputs.get("secretString"):
            raise CloudError("InvalidParameterException: the sandbox keeps secretString only")
        version = secrets.token_hex(16)
        resource.id = f"{secret.id}|{version}"
        resource.outputs |= {"arn": secret.id, "versionId": version, "versionStages": ["AWSCURRENT"]}
        value = {"value": resource.inputs["secretString"], "version": version}
        self.cloud.kernel.store.put("aws:secret-values", secret.id, value)
        self.complete_outputs(resource)

    def complete_outputs(self, resource: Resource) -> None:
        resource.outputs["region"] = self.cloud.region(resource)

    def unknown_outputs(self, old_inputs: dict[str, Any], inputs: dict[str, Any]) -> set[str]:
        return set()


def resolve(cloud: AwsCloud, reference: str, role: str) -> str:
    """Return the value that a job's `valueFrom` refers to, with the permissions of a role. Raises Refused."""
    match = re.fullmatch(r"(arn:aws:secretsmanager:[^:]+:[^:]+:secret:[^:]+)(?::([^:]*):([^:]*):([^:]*))?", reference)
    if match is None:
        raise Refused(400, "ResourceInitializationError", f"{reference} is not the ARN of a secret")
    if match[3] or match[4]:
        raise Refused(400, "ResourceInitializationError", "the sandbox reads the current version of a secret only")
    if not cloud.access.is_allowed(role, "secretsmanager:GetSecretValue", match[1]):
        raise Refused(
            403,
            "AccessDeniedException",
            f"{role} is not authorized to perform: secretsmanager:GetSecretValue on resource: {match[1]}",
        )
    value = cloud.kernel.store.get("aws:secret-values", match[1])
    if value is None:
        raise Refused(404, "ResourceNotFoundException", "Secrets Manager can't find the specified secret value.")
    if not match[2]:
        return str(value["value"])
    try:
        return str(json.loads(value["value"])[match[2]])
    except (ValueError, KeyError, TypeError):
        raise Refused(
            400, "ResourceInitializationError", f"retrieved secret did not contain json key {match[2]}"
        ) from None


def serve(cloud: AwsCloud, call: Call, action: str) -> Reply:
    """Answer GetSecretValue. Raises Refused."""
    caller, name = cloud.access.caller(call), call.json().get("SecretId", "")
    secret = cloud.get(SECRET, name) or cloud.find(SECRET, name=name)
    if action != "GetSecretValue":
        raise Refused(400, "UnknownOperationException", f"the sandbox has no {action}")
    if secret is None:
        raise Refused(400, "ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
    cloud.access.demand(caller, "secretsmanager:GetSecretValue", secret.id)
    value = cloud.kernel.store.get("aws:secret-values", secret.id)
    if value is None:
        raise Refused(400, "ResourceNotFoundException", "Secrets Manager can't find the specified secret value")
    return reply(
        {"ARN": secret.id, "Name": secret["name"], "SecretString": value["value"], "VersionId": value["version"]}
    )
