"""Batch's run-time API: submitting, describing, listing and ending jobs.

A job's image is pulled and its references are resolved with the rights of its execution role, its log is opened by the
same role, and it gets a public address or no network at all: each of these can fail it before its container starts.
"""

from __future__ import annotations

import json
import re
import uuid
from typing import TYPE_CHECKING, Any

from sandbox.aws import batch, ecr, logs, secretsmanager
from sandbox.aws.calls import Call, Refused, Reply, reply
from sandbox.aws.iam import Caller
from sandbox.cloud import Resource
from sandbox.executor import ENDED, JobRun, RunSpec

if TYPE_CHECKING:
    from sandbox.aws.cloud import AwsCloud

_PULL = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
_STATES = {"PENDING": "RUNNABLE"}


class Jobs:
    """POST /v1/submitjob, /v1/describejobs, /v1/listjobs, /v1/terminatejob."""

    def __init__(self, cloud: AwsCloud) -> None:
        self._cloud, self._store, self._executor = cloud, cloud.kernel.store, cloud.kernel.executor

    def serve(self, call: Call) -> Reply:
        """One request. Raises Refused."""
        caller, wanted = self._cloud.access.caller(call), call.json()
        match (call.method, call.path):
            case ("POST", "/v1/submitjob"):
                return reply(self._submit(caller, wanted))
            case ("POST", "/v1/describejobs"):
                self._cloud.access.demand(caller, "batch:DescribeJobs", "*")
                found = [run for id_ in wanted["jobs"] if (run := self._executor.get(id_)) is not None]
                return reply({"jobs": [self._described(run) for run in found if run.cloud == "aws"]})
            case ("POST", "/v1/listjobs"):
                self._cloud.access.demand(caller, "batch:ListJobs", "*")
                return reply({"jobSummaryList": self._listed(wanted)})
            case ("POST", "/v1/terminatejob"):
                arn = f"arn:aws:batch:{self._cloud.region_of(call)}:{self._cloud.account}:job/{wanted['jobId']}"
                self._cloud.access.demand(caller, "batch:TerminateJob", arn)
                self._terminate(wanted["jobId"], wanted["reason"])
                return reply({})
        raise Refused(404, "ClientException", f"the sandbox has no {call.method} {call.path}")

    def _submit(self, caller: Caller, wanted: dict[str, Any]) -> dict[str, str]:
        queue = self._named(batch.QUEUE, wanted["jobQueue"].rsplit("/", 1)[-1])
        name, _, revision = wanted["jobDefinition"].rsplit("/", 1)[-1].partition(":")
        definition = self._named(batch.DEFINITION, name)
        if revision and int(revision) != definition["revision"]:
            raise Refused(400, "ClientException", f"JobDefinition {name}:{revision} is not ACTIVE")
        if not re.fullmatch(r"[A-Za-z0-9][\w-]{0,127}", wanted.get("jobName", "")):
            raise Refused(400, "ClientException", "jobName does not match [A-Za-z0-9][\\w-]{0,127}")
        # Queue and definition are asked for. Where a name is given, AWS was seen to ask for the definition without its
        # revision, and is documented to ask with it: here both must be allowed.
        names = [definition["arn"]] if revision else [definition["arnPrefix"], definition["arn"]]
        for arn in (queue["arn"], *names):
            self._cloud.access.demand(caller, "batch:SubmitJob", arn)
        if wanted.get("tags"):
            self._cloud.access.demand(caller, "batch:TagResource", f"{definition['arn'].split(':job-')[0]}:job/*")
        job = str(uuid.uuid4())
        self._store.put("aws:jobs", job, {"queue": queue.id})
        overrides = wanted.get("containerOverrides") or {}
        plain = json.loads(definition["containerProperties"]).get("environment") or []
        told = {each["name"]: each["value"] for each in [*plain, *(overrides.get("environment") or [])]}
        known = {"name": wanted["jobName"], "definition": definition["arn"], "environment": told}
        self._store.put("aws:job-names", job, known)
        self._executor.submit(self._spec(definition, job, overrides))
        arn = f"arn:aws:batch:{queue['region']}:{self._cloud.account}:job/{job}"
        return {"jobArn": arn, "jobName": wanted["jobName"], "jobId": job}

    def _terminate(self, job: str, reason: str) -> None:
        """Ends a job wherever it is; one that has ended already stays as it is, and nothing is said about it."""
        run = self._executor.get(job)
        if run is None or run.cloud != "aws":
            raise Refused(400, "ClientException", f"Job {job} does not exist")
        if run.state not in ENDED:
            self._store.put("aws:terminated", job, {})
            self._executor.cancel(job, reason)

    def _named(self, type_: str, name: str) -> Resource:
        found = self._cloud.get(type_, name)
        if found is None:
            raise Refused(400, "ClientException", f"{type_.rsplit(':', 1)[-1]} {name} does not exist")
        return found

    def _spec(self, definition: Resource, job: str, overrides: dict[str, Any]) -> RunSpec:
        container = json.loads(definition["containerProperties"])
        role = container["executionRoleArn"].rsplit("/", 1)[-1]
        variables = [*(container.get("environment") or []), *(overrides.get("environment") or [])]
        env = {each["name"]: each["value"] for each in variables if each.get("value")}
        env |= {"AWS_BATCH_JOB_ID": job, "AWS_BATCH_JOB_ATTEMPT": "1", "AWS_REGION": definition["region"]}
        image = container["image"]
        try:
            self._may_start(definition, container, role)
            env |= {
                each["name"]: secretsmanager.resolve(self._cloud, each["valueFrom"], role)
                for each in container.get("secrets") or []
            }
        except Refused as refused:
            # An image that is not there: the run fails before its container starts, and its reason says why.
            image = f"({refused})@{image.partition('@')[2]}"
        self._open_log(container, job)
        size = {each["type"]: each["value"] for each in container["resourceRequirements"]}
        command = overrides.get("command") or container.get("command")
        return RunSpec(
            cloud="aws",
            job=definition["arnPrefix"],
            run_id=job,
            image=image,
            env=env,
            cpu=float(size["VCPU"]),
            memory_mib=int(size["MEMORY"]),
            timeout_seconds=(definition.outputs.get("timeout") or {}).get("attemptDurationSeconds", 10**9),
            # Batch's command takes the place of the image's CMD.
            args=command or None,
        )

    def _may_start(self, definition: Resource, container: dict[str, Any], role: str) -> None:
        access, cloud = self._cloud.access, self._cloud
        if access.assumable(container["executionRoleArn"], "ecs-tasks.amazonaws.com") is None:
            raise Refused(403, "AccessDenied", f"ECS was unable to assume the role {container['executionRoleArn']}")
        fargate = definition["platformCapabilities"] == ["FARGATE"]
        if fargate and (container.get("networkConfiguration") or {}).get("assignPublicIp") != "ENABLED":
            raise Refused(400, "ResourceInitializationError", "unable to pull image: there is no route to the registry")
        url = container["image"].partition("@")[0]
        repository = cloud.find(ecr.REPOSITORY, repositoryUrl=url)
        if repository is None or not access.allowed(role, "ecr:GetAuthorizationToken", "*"):
            raise Refused(403, "CannotPullContainerError", f"{role} may not pull {url}")
        for action in _PULL:
            if not access.allowed(role, action, repository["arn"]):
                raise Refused(403, "CannotPullContainerError", f"{role} may not {action} on {repository['arn']}")
        group = cloud.get(logs.GROUP, container["logConfiguration"]["options"]["awslogs-group"])
        stream = f"{container['logConfiguration']['options']['awslogs-stream-prefix']}/default/x"
        for action in ("CreateLogStream", "PutLogEvents"):
            if group is None or not access.allowed(role, f"logs:{action}", f"{group['arn']}:log-stream:{stream}"):
                raise Refused(403, "ResourceInitializationError", f"failed to validate logger args: logs:{action}")

    def _open_log(self, container: dict[str, Any], job: str) -> None:
        options = container["logConfiguration"]["options"]
        self._cloud.logs.open(options["awslogs-group"], self._stream(options, job), {"run": job})

    def _stream(self, options: dict[str, str], job: str) -> str:
        return f"{options['awslogs-stream-prefix']}/default/{job.replace('-', '')}"

    def _listed(self, wanted: dict[str, Any]) -> list[dict[str, Any]]:
        queue, status = wanted.get("jobQueue", "").rsplit("/", 1)[-1], wanted.get("jobStatus", "RUNNING")
        named = {each["name"]: each["values"] for each in wanted.get("filters") or []}
        found = []
        for run in self._executor.runs("aws"):
            described = self._described(run)
            in_queue = self._store.get("aws:jobs", run.run_id) == {"queue": queue}
            definition = described["jobDefinition"].rsplit("/", 1)[-1]
            wanted_definition = named.get("JOB_DEFINITION")
            if wanted_definition and not any(
                definition.split(":")[0] == each.split(":")[0] for each in wanted_definition
            ):
                continue
            if in_queue and (named or described["status"] == status):
                found.append({key: value for key, value in described.items() if key != "container"})
        return sorted(found, key=lambda each: -each["createdAt"])[: wanted.get("maxResults", 100)]

    def _described(self, run: JobRun) -> dict[str, Any]:
        known = self._store.get("aws:job-names", run.run_id) or {"name": run.run_id, "definition": run.job}
        definition = self._cloud.find(batch.DEFINITION, arnPrefix=run.job)
        described: dict[str, Any] = {
            "jobId": run.run_id,
            "jobName": known["name"],
            "jobDefinition": known["definition"],
            "status": _STATES.get(run.state, run.state),
            "createdAt": round(run.created * 1000),
            "isTerminated": self._store.get("aws:terminated", run.run_id) is not None,
            "isCancelled": False,
            "container": {
                "image": run.image,
                "environment": [{"name": key, "value": value} for key, value in known.get("environment", {}).items()],
                **({"exitCode": run.exit_code} if run.exit_code is not None else {}),
            },
        }
        if definition is not None:
            logs_to = json.loads(definition["containerProperties"])["logConfiguration"]
            described["container"]["logConfiguration"] = logs_to
            if run.started is not None:
                described["container"]["logStreamName"] = self._stream(logs_to["options"], run.run_id)
        if run.reason:
            described["statusReason"] = run.reason
        for key, seconds in (("startedAt", run.started), ("stoppedAt", run.stopped)):
            if seconds is not None:
                described[key] = round(seconds * 1000)
        return described
