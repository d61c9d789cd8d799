"""AWS Batch: compute environments, queues, and job definitions with their revisions and AWS's checks of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from providers.aws.limits import PAIRS
from sandbox.aws import network
from sandbox.aws.handlers import AwsHandler
from sandbox.aws.iam import PROFILE
from sandbox.cloud import CloudError, Resource
from sandbox.values import UNKNOWN

ENVIRONMENT = network.ENVIRONMENT
QUEUE = "aws:batch/jobQueue:JobQueue"
DEFINITION = "aws:batch/jobDefinition:JobDefinition"
MACHINES = ("r6i.4xlarge", "r5.4xlarge")
"""The instance types that the sandbox's regions offer."""
_NAME = r"[A-Za-z0-9][\w-]{0,127}"
_TAGS_ONLY = frozenset({"tags", "deregisterOnNewRevision"})
# Batch silently drops unknown properties of a container; the names are those of botocore's service model.
_KEYS = frozenset(
    {
        *("image", "command", "jobRoleArn", "executionRoleArn", "resourceRequirements", "environment", "secrets"),
        *("logConfiguration", "fargatePlatformConfiguration", "networkConfiguration", "runtimePlatform"),
        "ephemeralStorage",
    }
)


class Environment(AwsHandler):
    """Compute environments."""

    service, arn, limit = "batch", "compute-environment/{id}", _NAME

    def add_computed(self, resource: Resource) -> None:
        resources = resource.inputs["computeResources"]
        for subnet in resources["subnets"]:
            self.cloud.require(network.SUBNET, subnet)
        for group in resources.get("securityGroupIds") or []:
            self.cloud.require(network.GROUP, group)
        if resources["type"].startswith("FARGATE"):
            if not resources.get("securityGroupIds"):
                raise CloudError("ClientException: Error executing request: securityGroupIds is required for Fargate")
            if "instanceTypes" in resources or "minVcpus" in resources:
                raise CloudError("ClientException: instanceTypes and minvCpus cannot be specified for Fargate")
        else:
            self._machines(resources)
        resource.outputs |= {"ecsClusterArn": "", "status": "VALID", "statusReason": "ComputeEnvironment Healthy"}

    def _machines(self, resources: dict[str, Any]) -> None:
        if self.cloud.find(PROFILE, arn=resources.get("instanceRole")) is None:
            raise CloudError("ClientException: instanceRole is required for EC2")
        if not resources.get("instanceTypes") or not set(resources["instanceTypes"]) <= set(MACHINES):
            raise CloudError(
                "ClientException: Error executing request, Exception : Instance type can only be one of "
                f"[{', '.join(MACHINES)}]"
            )

    def delete(self, resource: Resource) -> None:
        for queue in self.cloud.resources(QUEUE):
            orders = queue["computeEnvironmentOrders"]
            if any(order["computeEnvironment"] == resource["arn"] for order in orders):
                raise CloudError("ClientException: Cannot delete, found existing JobQueue relationship")
        # To drain, the environment needs routes out of its subnets; otherwise it stays in DELETING for ever.
        if not all(network.has_route(self.cloud, subnet) for subnet in resource["computeResources"]["subnets"]):
            raise CloudError(f"{resource.id} is stuck in DELETING: the routes of its subnets went before it")


class Queue(AwsHandler):
    """Job queues."""

    service, arn, limit = "batch", "job-queue/{id}", _NAME

    def add_computed(self, resource: Resource) -> None:
        for order in resource.inputs["computeEnvironmentOrders"]:
            if self.cloud.find(ENVIRONMENT, arn=order["computeEnvironment"]) is None:
                raise CloudError(f"ClientException: {order['computeEnvironment']} does not exist")

    def delete(self, resource: Resource) -> None:
        executor = self.cloud.kernel.executor
        for run in executor.runs("aws"):
            if self.cloud.kernel.store.get("aws:jobs", run.run_id) == {"queue": resource.id}:
                executor.cancel(run.run_id, "the job queue was deleted")


class Definition(AwsHandler):
    """Job definitions: one resource, with a new revision for every change except of tags."""

    service, arn, limit = "batch", "job-definition/{name}", _NAME
    regional = True

    def check(self, inputs: dict[str, Any]) -> Iterable[tuple[str, str]]:
        text = inputs.get("containerProperties")
        if text not in (None, UNKNOWN):
            try:
                requirements = json.loads(text)["resourceRequirements"]
            except (ValueError, KeyError):
                yield "containerProperties", "invalid Batch Job container_properties"
                return
            if not all(isinstance(requirement["value"], str) for requirement in requirements):
                yield "containerProperties", "json: cannot unmarshal number into Go struct field .value of type string"
        seconds = (inputs.get("timeout") or {}).get("attemptDurationSeconds", 60)
        if isinstance(seconds, int) and seconds < 60:
            yield "timeout.attemptDurationSeconds", f"expected at least 60, got {seconds}"

    def add_computed(self, resource: Resource) -> None:
        self._validate(resource)
        outputs, store = resource.outputs, self.cloud.kernel.store
        prefix = f"arn:aws:batch:{outputs['region']}:{self.cloud.account}:job-definition/{outputs['name']}"
        counted = store.get("aws:revisions", prefix) or {"last": 0}
        store.put("aws:revisions", prefix, {"last": counted["last"] + 1})
        revision = counted["last"] + 1
        outputs |= {"arnPrefix": prefix, "revision": revision, "arn": f"{prefix}:{revision}"}

    def update(self, old: Resource, resource: Resource) -> None:
        if self._changed_inputs(old.inputs, resource.inputs) <= _TAGS_ONLY:
            resource.outputs["tagsAll"] = resource.outputs.get("tags") or {}
        else:
            self.complete_outputs(resource)

    def unknown_outputs(self, old_inputs: dict[str, Any], inputs: dict[str, Any]) -> set[str]:
        unknown = super().unknown_outputs(old_inputs, inputs)
        return unknown if self._changed_inputs(old_inputs, inputs) <= _TAGS_ONLY else unknown | {"arn", "revision"}

    @staticmethod
    def _changed_inputs(old: dict[str, Any], new: dict[str, Any]) -> set[str]:
        return {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}

    def _validate(self, resource: Resource) -> None:
        inputs = resource.inputs
        properties = json.loads(inputs["containerProperties"])
        unknown = properties.keys() - _KEYS
        if unknown:
            raise CloudError(f"Batch would drop {min(unknown)} of the container's properties")
        if any(not item["value"] for item in properties.get("environment") or []):
            raise CloudError("Batch would drop a variable with an empty value")
        size = {item["type"]: item["value"] for item in properties["resourceRequirements"]}
        if inputs.get("platformCapabilities") == ["FARGATE"]:
            self._fargate(properties, size)
        elif not size["VCPU"].isdigit():
            raise CloudError("ClientException: Error executing request: VCPU must be a whole number on EC2")
        if len(json.dumps(inputs)) > 24 * 1024:
            raise CloudError("ClientException: the job definition is larger than 24 KiB")

    def _fargate(self, properties: dict[str, Any], size: dict[str, str]) -> None:
        units, memory = round(float(size["VCPU"]) * 1024), int(size["MEMORY"])
        if memory not in PAIRS.get(units, ()):
            raise CloudError(
                "ClientException: Error executing request, Exception : Fargate resource requirements "
                f"({size['VCPU']} vCPU, {memory} MiB) not valid."
            )
        if not re.fullmatch(r"arn:aws:iam::\d+:role/.+", properties.get("executionRoleArn", "")):
            raise CloudError("ClientException: Error executing request: executionRoleArn is required for Fargate")
        disk = properties.get("ephemeralStorage", {"sizeInGiB": 21})["sizeInGiB"]
        if not 21 <= disk <= 200:
            raise CloudError("ClientException: ephemeralStorage must be between 21 and 200 GiB")
