"""Azure Resource Manager at management.azure.com: the APIs that triggers, builds and the deployer call."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sandbox.azure import jobs, registry
from sandbox.azure.calls import Call, Refused, Reply
from sandbox.azure.identity import MANAGEMENT
from sandbox.azure.subscription import Subscription

if TYPE_CHECKING:
    from sandbox.azure.cloud import AzureCloud

_ID = re.compile(
    r"(?P<id>/subscriptions/[^/]+/resourceGroups/[^/]+/providers/(?P<kind>[^/]+/[^/]+)/[^/]+)(?:/(?P<rest>.+))?",
    re.IGNORECASE,
)
_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(-preview)?")


class Arm:
    """Routes requests by resource id."""

    def __init__(self, cloud: AzureCloud) -> None:
        self._cloud = cloud
        self._starts, self._tasks = jobs.Starts(cloud), registry.Tasks(cloud, cloud.blobs)
        self._subscription = Subscription(cloud)

    def serve(self, call: Call) -> Reply:
        """Answer a request. Raises Refused."""
        principal = self._cloud.tokens.principal(call, MANAGEMENT)
        if not _VERSION.fullmatch(call.query.get("api-version", "")):
            raise Refused(
                400, "MissingApiVersionParameter", "The api-version query parameter (?api-version=) is required"
            )
        answer = self._subscription.serve(call, principal, self._allow)
        if answer is not None:
            return answer
        match = _ID.fullmatch(call.path)
        if match is None:
            raise Refused(404, "InvalidResourceType", f"the sandbox has nothing at {call.path}")
        id_, segments = match.group("id"), (match.group("rest") or "").split("/") if match.group("rest") else []
        if match.group("kind").lower() == "microsoft.app/jobs":
            job = self._cloud.get(jobs.JOB, id_)
            if job is not None:
                return self._starts.serve(call, job, segments, principal)
        environment = self._cloud.get(jobs.ENVIRONMENT, id_)
        if environment is not None and (call.method, segments) == ("GET", ["usages"]):
            self._allow(principal, "Microsoft.App/managedEnvironments/usages/read", id_)
            return self._subscription.cores()
        if match.group("kind").lower() == "microsoft.containerregistry/registries":
            target = self._cloud.get(registry.REGISTRY, id_)
            if target is not None:
                action = f"Microsoft.ContainerRegistry/registries/{'/'.join(segments)}/action"
                self._allow(principal, action, id_)
                return self._tasks.serve(call, target, segments)
        raise Refused(404, "ResourceNotFound", f"The Resource '{id_}' was not found.")

    def _allow(self, principal: str, action: str, scope: str) -> None:
        if not self._cloud.access.is_allowed(principal, action, scope):
            raise Refused(
                403,
                "AuthorizationFailed",
                f"The client '{principal}' does not have authorization to perform action '{action}' over scope "
                f"'{scope}' or the scope is invalid.",
            )
