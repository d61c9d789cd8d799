"""Cloud Run jobs: the resource type, and the Admin API v2 at run.googleapis.com.

A run resolves secret references with the permissions of the job's account. It pulls the image as the project's service
agent, which has the permission.
"""

from __future__ import annotations

import re
import secrets
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sandbox.calls import Call, Refused, Reply, reply
from sandbox.cloud import CloudError, Resource
from sandbox.executor import ENDED, JobRun, RunSpec
from sandbox.gcp.handlers import GcpHandler
from sandbox.gcp.iam import has_account
from sandbox.gcp.secret_manager import read_version

if TYPE_CHECKING:
    from sandbox.gcp.cloud import GcpCloud

JOB = "gcp:cloudrunv2/job:Job"
HOST = "run.googleapis.com"
_MACHINES = {1: (128, 4096), 2: (128, 8192), 4: (2048, 16384), 6: (4096, 24576), 8: (4096, 32768)}
_OVERRIDES = {"containerOverrides", "taskCount", "timeout"}
_CONTAINER = {"name", "args", "env", "clearArgs"}


class Job(GcpHandler):
    """Cloud Run jobs."""

    autoname, service = "name", "run"

    def create(self, resource: Resource) -> None:
        self.require_enabled()
        name, where = resource.inputs["name"], resource.inputs["location"]
        id_ = f"projects/{self.cloud.project}/locations/{where}/jobs/{name}"
        self.set_name(resource, name, r"(?!.*-$)[a-z][a-z0-9-]{0,62}", id_)
        self._validate(resource)

    def update(self, _old: Resource, resource: Resource) -> None:
        self._validate(resource)

    def delete(self, resource: Resource) -> None:
        if resource.inputs.get("deletionProtection", True):
            raise CloudError("cannot destroy job without setting deletion_protection=false and running `pulumi up`")
        executor = self.cloud.kernel.executor
        for run in executor.runs("gcp", resource.id):
            executor.cancel(run.run_id, "the job was deleted")

    def _validate(self, resource: Resource) -> None:
        self.add_labels(resource)
        task = resource.inputs["template"]["template"]
        container = task["containers"][0]
        cpu, memory = size_of(container)
        least, most = _MACHINES.get(int(cpu), (0, 0))
        if cpu != int(cpu) or not least <= memory <= most:
            raise CloudError(f"googleapi: Error 400: Invalid value specified for cpu/memory: {cpu} and {memory}Mi")
        if not re.fullmatch(r"\d+s", task.get("timeout", "600s")) or seconds(task) > 168 * 3600:
            raise CloudError(f"googleapi: Error 400: timeout {task.get('timeout')} is not between 1s and 168h")
        if not has_account(self.cloud, task.get("serviceAccount", "")):
            raise CloudError(f"googleapi: Error 400: Service account {task.get('serviceAccount')} does not exist.")
        repository, _, digest = container["image"].partition("@")
        if self.cloud.kernel.images.get(repository, digest) is None:
            raise CloudError(f"googleapi: Error 400: Image '{container['image']}' not found., badRequest")
        try:
            environment(self.cloud, resource)
        except Refused as refused:
            raise CloudError(f"googleapi: Error 400: {refused}, badRequest") from refused
        resource.outputs |= {"project": self.cloud.project, "uid": secrets.token_hex(16), "etag": secrets.token_hex(6)}


def size_of(container: dict[str, Any]) -> tuple[float, int]:
    """Return a container's vCPUs and MiB. Raises CloudError."""
    limits = container["resources"]["limits"]
    match = re.fullmatch(r"(\d+)(Mi|Gi)", limits["memory"])
    if match is None or not re.fullmatch(r"\d+(\.\d+)?", limits["cpu"]):
        raise CloudError(f"googleapi: Error 400: Invalid resource limits {limits}")
    return float(limits["cpu"]), int(match[1]) * (1024 if match[2] == "Gi" else 1)


def seconds(task: dict[str, Any]) -> int:
    """Return the task's timeout in seconds."""
    return int(str(task.get("timeout", "600s")).rstrip("s"))


def environment(cloud: GcpCloud, job: Resource) -> dict[str, str]:
    """Return the container's variables with secrets resolved as the job's account. Raises Refused."""
    task = job.inputs["template"]["template"]
    principal = f"serviceAccount:{task['serviceAccount']}"
    variables: dict[str, str] = {}
    for entry in task["containers"][0].get("envs") or []:
        reference = (entry.get("valueSource") or {}).get("secretKeyRef")
        if reference is None:
            variables[entry["name"]] = entry.get("value") or ""
            continue
        name = reference["secret"].rsplit("/", 1)[-1]
        variables[entry["name"]] = read_version(cloud, name, reference["version"], principal)
    return variables


class Admin:
    """The methods jobs.get, jobs.run, executions.list, get and cancel."""

    def __init__(self, cloud: GcpCloud) -> None:
        self._cloud, self._executor = cloud, cloud.kernel.executor

    def serve(self, call: Call, principal: str) -> Reply:
        """Answer a request. Raises Refused."""
        path, _, verb = call.path.removeprefix("/v2/").partition(":")
        parts = path.split("/")
        job = self._cloud.get(JOB, "/".join(parts[:6]))
        if job is None:
            raise Refused(404, "NOT_FOUND", f"Resource '{path}' was not found.")
        require = self._cloud.access.require
        match (call.method, verb, *parts[6:]):
            case ("GET", ""):
                require(principal, "run.jobs.get", job.id)
                return reply({"name": job.id, "labels": job.inputs.get("labels"), "template": job.inputs["template"]})
            case ("POST", "run"):
                body = call.json()
                require(principal, "run.jobs.run", job.id)
                if body.get("overrides"):
                    require(principal, "run.jobs.runWithOverrides", job.id)
                return reply(self._run(job, body.get("overrides") or {}))
            case ("GET", "", "executions"):
                require(principal, "run.executions.list", job.id)
                return reply(self._list_executions(job, call))
            case ("GET", "", "executions", name):
                require(principal, "run.executions.get", job.id)
                return reply(self._execution(job, self._require_execution(job, name)))
            case ("POST", "cancel", "executions", name):
                require(principal, "run.executions.cancel", job.id)
                self._cancel(self._require_execution(job, name))
                return reply({"name": f"{job.id}/operations/{secrets.token_hex(8)}"})
        raise Refused(404, "NOT_FOUND", f"{call.method} {call.path} is not served")

    def _list_executions(self, job: Resource, call: Call) -> dict[str, Any]:
        """Return a page of executions, the newest first."""
        runs = self._executor.runs("gcp", job.id)[::-1]
        start, size = int(call.query.get("pageToken") or 0), int(call.query.get("pageSize") or 100)
        more = {"nextPageToken": str(start + size)} if start + size < len(runs) else {}
        return {"executions": [self._execution(job, run) for run in runs[start : start + size]], **more}

    def _cancel(self, run: JobRun) -> None:
        if run.state in ENDED:
            raise Refused(400, "FAILED_PRECONDITION", f"Execution '{run.run_id}' is already completed.")
        self._cloud.kernel.store.put("gcp:cancelled", run.run_id, {})
        self._executor.cancel(run.run_id, "the execution was cancelled")

    def _require_execution(self, job: Resource, name: str) -> JobRun:
        run = self._executor.get(name)
        if run is None or run.job != job.id:
            raise Refused(404, "NOT_FOUND", f"Resource '{job.id}/executions/{name}' was not found.")
        return run

    def _run(self, job: Resource, overrides: dict[str, Any]) -> dict[str, Any]:
        containers = overrides.get("containerOverrides") or [{}]
        unknown = (overrides.keys() - _OVERRIDES) | (containers[0].keys() - _CONTAINER)
        if unknown:
            raise Refused(400, "INVALID_ARGUMENT", f'Unknown name "{min(unknown)}" at overrides: Cannot find field.')
        task = job.inputs["template"]["template"]
        container = task["containers"][0]
        execution = f"{job['name']}-{secrets.token_hex(3)[:5]}"
        env = environment(self._cloud, job) | {
            variable["name"]: variable["value"] for variable in containers[0].get("env", [])
        }
        env |= {"CLOUD_RUN_JOB": job["name"], "CLOUD_RUN_EXECUTION": execution, "CLOUD_RUN_TASK_INDEX": "0"}
        plain = [variable for variable in container.get("envs") or [] if variable.get("value")] + containers[0].get(
            "env", []
        )
        self._cloud.kernel.store.put("gcp:executions", execution, {"env": plain})
        cpu, memory = size_of(container)
        self._executor.submit(
            RunSpec(
                cloud="gcp",
                job=job.id,
                run_id=execution,
                image=container["image"],
                env=env,
                cpu=cpu,
                memory_mib=memory,
                timeout_seconds=seconds(task),
                command=container.get("commands"),
                args=containers[0].get("args") or container.get("args"),
                refusal=self._cloud.faults.take_reason("START", job.id),
            )
        )
        location = "/".join(job.id.split("/")[:4])
        return {
            "name": f"{location}/operations/{secrets.token_hex(8)}",
            "metadata": {
                "@type": "type.googleapis.com/google.cloud.run.v2.Execution",
                **_name_execution(job, execution),
            },
        }

    def _execution(self, job: Resource, run: JobRun) -> dict[str, Any]:
        record = self._cloud.kernel.store.get("gcp:executions", run.run_id) or {"env": []}
        answer = _name_execution(job, run.run_id) | {"createTime": _iso(run.created)}
        answer["template"] = {"containers": [{"image": run.image, "env": record["env"]}], "maxRetries": 0}
        if run.started:
            answer["startTime"] = _iso(run.started)
        completed: dict[str, Any] = {"type": "Completed", "state": "CONDITION_RECONCILING"}
        if run.stopped:
            answer["completionTime"] = _iso(run.stopped)
            cancelled = self._cloud.kernel.store.get("gcp:cancelled", run.run_id) is not None
            count = "succeeded" if run.state == "SUCCEEDED" else "cancelled" if cancelled else "failed"
            answer[f"{count}Count"] = 1
            completed["state"] = "CONDITION_SUCCEEDED" if count == "succeeded" else "CONDITION_FAILED"
            # A run that was ended at a limit has no `executionReason`.
            exited = run.reason.endswith("The container exited with an error.")
            why = "CANCELLED" if cancelled else "NON_ZERO_EXIT_CODE" if exited else None
            completed |= {"executionReason": why} if why else {}
        elif run.state == "RUNNING":
            answer["runningCount"] = 1
        answer["conditions"] = [completed | ({"message": run.reason} if run.reason else {})]
        return answer


def _name_execution(job: Resource, execution: str) -> dict[str, Any]:
    return {"name": f"{job.id}/executions/{execution}", "job": job["name"], "createTime": _iso(time.time())}


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
