"""Container Apps: environments, jobs, and starting a job through Resource Manager.

A start resolves secrets and pulls the image with the permissions of the identities that the job specifies for this
purpose. Each of them must be attached to the job.
"""

from __future__ import annotations

import re
import secrets
import string
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sandbox.azure import diagnostics, rbac, vault
from sandbox.azure.calls import Call, Refused, Reply, reply
from sandbox.azure.handlers import ArmHandler, map_identities, preview_identities
from sandbox.azure.identity import IDENTITY, list_attached
from sandbox.azure.registry import REGISTRY
from sandbox.cloud import CloudError, Resource
from sandbox.executor import ENDED, JobRun, RunSpec

if TYPE_CHECKING:
    from sandbox.azure.cloud import AzureCloud

ENVIRONMENT = diagnostics.ENVIRONMENT
JOB = "azure-native:app:Job"
_MACHINES = {
    "D4": (4, 16), "D8": (8, 32), "D16": (16, 64), "D32": (32, 128),
    "E4": (4, 32), "E8": (8, 64), "E16": (16, 128), "E32": (32, 256),
}  # fmt: skip
_STATES = {"PENDING": "Running", "STARTING": "Running", "RUNNING": "Running", "SUCCEEDED": "Succeeded"}
_T4 = "Consumption-GPU-NC8as-T4"


class Environment(ArmHandler):
    """Microsoft.App/managedEnvironments."""

    kind, limit = "Microsoft.App/managedEnvironments", r"[a-z0-9](?!.*--)[a-z0-9-]{0,58}[a-z0-9]"

    def create(self, resource: Resource) -> None:
        self._validate(resource.inputs)
        super().create(resource)

    def _validate(self, inputs: dict[str, Any]) -> None:
        diagnostics.check_destination(inputs.get("appLogsConfiguration") or {})
        for profile in inputs.get("workloadProfiles", []):
            name, type_ = profile["name"], profile["workloadProfileType"]
            if len(name) > 15:
                raise CloudError(f'Code="WorkloadProfileInvalidNameTooLong": {name}')
            if type_.startswith("Consumption"):
                if profile.keys() & {"minimumCount", "maximumCount"}:
                    raise CloudError(f"Workload Profile property 'MinimumCount' is not supported for {type_}")
                continue
            cores = _MACHINES[type_][0] * profile["maximumCount"]
            most = 50 if type_.startswith("E") else 100
            if cores > most:
                raise CloudError(f"Maximum cores for workload profile {type_} cannot be more than {most}")

    def update(self, old: Resource, resource: Resource) -> None:
        self._validate(resource.inputs)
        kept = {profile["name"] for profile in resource.outputs.get("workloadProfiles", [])}
        for job in self.cloud.resources(JOB):
            profile = job.outputs.get("workloadProfileName", "Consumption")
            if job["environmentId"] == resource.id and profile not in kept:
                raise CloudError(f'Code="WorkloadProfileInUse": {profile} is used by the job {job["name"]}')
        super().update(old, resource)

    def add_computed(self, resource: Resource) -> None:
        where = resource.outputs["location"]
        resource.outputs.setdefault("defaultDomain", f"sandbox-{secrets.token_hex(4)}.{where}.azurecontainerapps.io")

    def delete(self, resource: Resource) -> None:
        if any(job["environmentId"] == resource.id for job in self.cloud.resources(JOB)):
            raise CloudError('Code="ManagedEnvironmentNotEmpty": the environment still has jobs')


class Job(ArmHandler):
    """Microsoft.App/jobs."""

    kind, limit = "Microsoft.App/jobs", r"(?=.{2,32}$)[a-z](?!.*--)[a-z0-9-]*[a-z0-9]"
    fixed = frozenset({"environmentId"})

    def create(self, resource: Resource) -> None:
        self._validate(resource.inputs)
        super().create(resource)
        self._references(resource)

    def update(self, old: Resource, resource: Resource) -> None:
        self._validate(resource.inputs)
        super().update(old, resource)
        self._references(resource)

    def preview_outputs(self, inputs: dict[str, Any]) -> dict[str, Any]:
        return preview_identities(inputs)

    def add_computed(self, resource: Resource) -> None:
        map_identities(self.cloud, resource)
        resource.outputs["eventStreamEndpoint"] = f"https://{resource.outputs['location']}.azurecontainerapps.dev/"

    def _validate(self, inputs: dict[str, Any]) -> None:
        environment = self.cloud.get(ENVIRONMENT, inputs["environmentId"])
        if environment is None:
            raise CloudError(f'Code="ManagedEnvironmentNotFound": {inputs["environmentId"]}')
        profile = inputs.get("workloadProfileName", "Consumption")
        kinds = {profile["name"]: profile["workloadProfileType"] for profile in environment.outputs["workloadProfiles"]}
        if profile not in kinds:
            raise CloudError(f'Code="WorkloadProfileNotFound": the environment has no workload profile {profile}')
        for container in inputs["template"]["containers"]:
            cpu, memory = container["resources"]["cpu"], gib(container["resources"]["memory"])
            if kinds[profile] == "Consumption":
                if cpu % 0.25 or not 0.25 <= cpu <= 4 or memory != cpu * 2:
                    raise CloudError(
                        'Code="ContainerAppInvalidResourceTotal": The total requested CPU and memory resources for '
                        f"this application (CPU: {cpu}, memory: {memory}Gi) is invalid: 0.25 to 4 with 2Gi each"
                    )
            elif kinds[profile] == _T4:
                if (cpu, memory) != (8, 56):
                    raise CloudError(f'Code="ContainerAppInvalidResourceTotal": {_T4} runs replicas of 8 / 56Gi only')
            elif cpu > _MACHINES[kinds[profile]][0] or memory >= _MACHINES[kinds[profile]][1]:
                raise CloudError(f'Code="ContainerAppInvalidResourceTotal": {cpu} / {memory}Gi does not fit {profile}')

    def _references(self, resource: Resource) -> None:
        # When a job is written, Container Apps resolves every reference with the identity's permissions at that time.
        try:
            secrets_of(self.cloud, resource)
        except Refused as refused:
            raise CloudError(
                f'Code="ContainerAppSecretKeyVaultUrlInvalid": Unable to get value using Managed identity: {refused}'
            ) from refused

    def delete(self, resource: Resource) -> None:
        executor = self.cloud.kernel.executor
        for run in executor.runs("azure", resource.id):
            executor.cancel(run.run_id, "the job was deleted")


def gib(text: str) -> float:
    """Parse an amount of memory: 2.5Gi -> 2.5. Raises CloudError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)Gi", text)
    if match is None:
        raise CloudError(f'Code="ContainerAppInvalidMemory": "{text}" is not an amount of memory')
    return float(match.group(1))


def _require_attached(cloud: AzureCloud, job: Resource, id_: str) -> str:
    """Return the principal of an identity that is attached to the job. Raises Refused."""
    identity = cloud.get(IDENTITY, id_)
    if identity is None or id_ not in list_attached(job.outputs.get("identity")):
        raise Refused(400, "IdentityNotAssigned", f"the identity {id_} is not assigned to the job {job['name']}")
    return str(identity["principalId"])


def secrets_of(cloud: AzureCloud, job: Resource) -> dict[str, str]:
    """Return the values of the job's secrets by name. Raises Refused."""
    values = {}
    for secret in job.outputs["configuration"].get("secrets") or []:
        if secret.get("keyVaultUrl"):
            values[secret["name"]] = vault.resolve(
                cloud, secret["keyVaultUrl"], _require_attached(cloud, job, secret["identity"])
            )
        else:
            values[secret["name"]] = secret.get("value", "")
    return values


class Starts:
    """A job's actions in Resource Manager."""

    def __init__(self, cloud: AzureCloud) -> None:
        self._cloud, self._executor = cloud, cloud.kernel.executor

    def serve(self, call: Call, job: Resource, segments: list[str], principal: str) -> Reply:
        """Answer a request to get, start or stop a job or to get its executions. Raises Refused."""
        match (call.method, *segments):
            case ("GET",):
                self._allow(principal, "Microsoft.App/jobs/read", job)
                return reply(_describe(job))
            case ("POST", "start"):
                self._allow(principal, "Microsoft.App/jobs/start/action", job)
                return reply(self._start(job, call.json()))
            case ("GET", "executions"):
                self._allow(principal, "Microsoft.App/jobs/executions/read", job)
                return reply({"value": [self._execution(job, run) for run in self._executor.runs("azure", job.id)]})
            case ("POST", "executions", name, "stop") | ("POST", "stop", name):
                self._allow(principal, "Microsoft.App/jobs/stop/action", job)
                self._stop(job, name)
                return Reply(202)
            case ("GET", "executions", name):
                self._allow(principal, "Microsoft.App/jobs/execution/read", job)
                run = self._executor.get(name)
                if run is not None and run.job == job.id:
                    return reply(self._execution(job, run))
        raise Refused(404, "ResourceNotFound", f"{call.method} {'/'.join(segments)} was not found below {job.id}")

    def _stop(self, job: Resource, name: str) -> None:
        run = self._executor.get(name)
        if run is None or run.job != job.id:
            raise Refused(404, "JobExecutionNotFound", f"The execution {name} was not found.")
        if run.state not in ENDED:
            self._cloud.kernel.store.put("azure:stopped", name, {})
            self._executor.cancel(name, "the execution was stopped")

    def _allow(self, principal: str, action: str, job: Resource) -> None:
        if not self._cloud.access.is_allowed(principal, action, job.id):
            raise Refused(
                403,
                "AuthorizationFailed",
                f"The client '{principal}' does not have authorization to perform action '{action}' over scope "
                f"'{job.id}' or the scope is invalid.",
            )

    def _start(self, job: Resource, body: dict[str, Any]) -> dict[str, Any]:
        # The request's template replaces the job's: variables that it does not repeat are missing from the run.
        containers = body.get("containers") or job["template"]["containers"]
        container, values = containers[0], secrets_of(self._cloud, job)
        if not container.get("image") or not container.get("name"):
            raise Refused(400, "ContainerImageRequired", "a container needs a name and an image")
        env = {}
        for entry in container.get("env") or []:
            if entry.get("secretRef") and entry["secretRef"] not in values:
                raise Refused(400, "ContainerSecretRefNotFound", f"the job has no secret {entry['secretRef']}")
            env[entry["name"]] = values[entry["secretRef"]] if entry.get("secretRef") else entry.get("value") or ""
        execution = f"{job['name']}-{''.join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(7))}"
        env |= {
            "CONTAINER_APP_JOB_NAME": job["name"],
            "CONTAINER_APP_JOB_EXECUTION_NAME": execution,
            "CONTAINER_APP_REPLICA_NAME": f"{execution}-{secrets.token_hex(3)}",
        }
        size = container.get("resources") or job["template"]["containers"][0]["resources"]
        spec = RunSpec(
            cloud="azure",
            job=job.id,
            run_id=execution,
            image=self._image(job, container["image"]),
            env=env,
            cpu=size["cpu"],
            memory_mib=round(gib(size["memory"]) * 1024),
            timeout_seconds=job["configuration"]["replicaTimeout"],
            command=container.get("command"),
            args=container.get("args"),
            refusal=self._cloud.faults.take_reason("START", job.id),
        )
        variables = [variable for variable in container.get("env") or [] if not variable.get("secretRef")]
        record = {"name": container["name"], "env": variables}
        record["tables"] = diagnostics.list_tables(self._cloud, job["environmentId"])
        self._cloud.kernel.store.put("azure:executions", execution, record)
        self._executor.submit(spec)
        return {"name": execution, "id": f"{job.id}/executions/{execution}"}

    def _image(self, job: Resource, image: str) -> str:
        """Return the image if the job may pull it, otherwise one that does not exist, so that the execution fails."""
        server = image.split("/")[0]
        registry = self._cloud.find(REGISTRY, loginServer=server)
        for credentials in job["configuration"].get("registries") or []:
            if registry is None or credentials["server"] != server:
                continue
            principal = _require_attached(self._cloud, job, credentials["identity"])
            if self._cloud.access.is_allowed(principal, rbac.PULL, registry.id):
                return image
        repository, _, digest = image.partition("@")
        return f"{repository} that the job may pull@{digest}"

    def _execution(self, job: Resource, run: JobRun) -> dict[str, Any]:
        store = self._cloud.kernel.store
        status = _STATES.get(run.state, "Failed")
        if run.stopped and store.get("azure:stopped", run.run_id) is not None:
            status = "Stopped"
        record = store.get("azure:executions", run.run_id) or {}
        container = {key: record[key] for key in ("name", "env") if key in record} | {"image": run.image}
        properties: dict[str, Any] = {"status": status, "startTime": _iso(run.started or run.created)}
        properties["template"] = {"containers": [container]}
        if run.stopped:
            properties["endTime"] = _iso(run.stopped)
        return {
            "id": f"{job.id}/executions/{run.run_id}",
            "name": run.run_id,
            "type": "Microsoft.App/jobs/executions",
            "properties": properties,
        }


def _describe(job: Resource) -> dict[str, Any]:
    keys = ("configuration", "template", "environmentId", "workloadProfileName", "provisioningState")
    properties = {key: job.outputs.get(key) for key in keys}
    return {
        "id": job.id,
        "name": job["name"],
        "type": Job.kind,
        "location": job["location"],
        "tags": job.outputs.get("tags") or {},
        "identity": job.outputs.get("identity"),
        "properties": properties,
    }


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
