"""Batch's API for jobs: submitting, describing, listing and terminating.

Pulling a job's image, resolving its secrets and opening its log need permissions of its execution role, and pulling
needs a public IP address. An attempt fails before its container starts if one of these is missing. The definition's
retry strategy decides whether there is another attempt.
"""

from __future__ import annotations

import json
import re
import uuid
from typing import TYPE_CHECKING, Any

from sandbox.aws import batch, ecr, logs, network, secretsmanager
from sandbox.aws.calls import Call, Refused, Reply, reply
from sandbox.aws.iam import Caller
from sandbox.cloud import Resource
from sandbox.executor import ENDED, JobRun, RunSpec

if TYPE_CHECKING:
    from sandbox.aws.cloud import AwsCloud

_PULL = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
_STATES = {"PENDING": "RUNNABLE"}
_SUMMARY = frozenset(
    {"jobId", "jobName", "jobDefinition", "status", "statusReason", "createdAt", "startedAt", "stoppedAt"}
)


class Jobs:
    """POST /v1/submitjob, /v1/describejobs, /v1/listjobs, /v1/terminatejob."""

    def __init__(self, cloud: AwsCloud) -> None:
        self._cloud, self._store, self._executor = cloud, cloud.kernel.store, cloud.kernel.executor

    def serve(self, call: Call) -> Reply:
        """Answer a request. Raises Refused."""
        caller, request = self._cloud.access.caller(call), call.json()
        match (call.method, call.path):
            case ("POST", "/v1/submitjob"):
                return reply(self._submit(caller, request, self._cloud.region_of(call)))
            case ("POST", "/v1/describejobs"):
                self._cloud.access.demand(caller, "batch:DescribeJobs", "*")
                runs = [run for id_ in request["jobs"] if (run := self._executor.get(id_)) is not None]
                return reply({"jobs": [self._describe(run) for run in runs if run.cloud == "aws"]})
            case ("POST", "/v1/listjobs"):
                self._cloud.access.demand(caller, "batch:ListJobs", "*")
                return reply({"jobSummaryList": self._list_jobs(request)})
            case ("POST", "/v1/terminatejob"):
                arn = f"arn:aws:batch:{self._cloud.region_of(call)}:{self._cloud.account}:job/{request['jobId']}"
                self._cloud.access.demand(caller, "batch:TerminateJob", arn)
                self._terminate(request["jobId"], request["reason"])
                return reply({})
        raise Refused(404, "ClientException", f"the sandbox has no {call.method} {call.path}")

    def _submit(self, caller: Caller, request: dict[str, Any], region: str) -> dict[str, str]:
        queue = self._require(batch.QUEUE, request["jobQueue"].rsplit("/", 1)[-1])
        name, _, revision = request["jobDefinition"].rsplit("/", 1)[-1].partition(":")
        definition = self._require(batch.DEFINITION, f"{region}:{name}")
        if revision and int(revision) != definition["revision"]:
            raise Refused(400, "ClientException", f"JobDefinition {name}:{revision} is not ACTIVE")
        if not re.fullmatch(r"[A-Za-z0-9][\w-]{0,127}", request.get("jobName", "")):
            raise Refused(400, "ClientException", "jobName does not match [A-Za-z0-9][\\w-]{0,127}")
        # The caller needs permission for the queue and the definition. If the request has only a name, AWS has been
        # seen to check the definition without its revision, but documents a check with it. The sandbox requires both.
        names = [definition["arn"]] if revision else [definition["arnPrefix"], definition["arn"]]
        for arn in (queue["arn"], *names):
            self._cloud.access.demand(caller, "batch:SubmitJob", arn)
        if request.get("tags"):
            self._cloud.access.demand(caller, "batch:TagResource", f"{definition['arn'].split(':job-')[0]}:job/*")
        job = str(uuid.uuid4())
        self._store.put("aws:jobs", job, {"queue": queue.id})
        overrides = request.get("containerOverrides") or {}
        plain = json.loads(definition["containerProperties"]).get("environment") or []
        environment = {
            variable["name"]: variable["value"] for variable in [*plain, *(overrides.get("environment") or [])]
        }
        record = {"name": request["jobName"], "definition": definition["arn"], "environment": environment}
        self._store.put("aws:job-names", job, record)
        self._executor.submit(self._spec(definition, job, overrides))
        arn = f"arn:aws:batch:{queue['region']}:{self._cloud.account}:job/{job}"
        return {"jobArn": arn, "jobName": request["jobName"], "jobId": job}

    def _terminate(self, job: str, reason: str) -> None:
        """Terminate a job in any state; do nothing if it has already ended."""
        run = self._executor.get(job)
        if run is None or run.cloud != "aws":
            raise Refused(400, "ClientException", f"Job {job} does not exist")
        if run.state not in ENDED:
            self._store.put("aws:terminated", job, {})
            self._executor.cancel(job, reason)

    def _require(self, type_: str, name: str) -> Resource:
        resource = self._cloud.get(type_, name)
        if resource is None:
            raise Refused(400, "ClientException", f"{type_.rsplit(':', 1)[-1]} {name} does not exist")
        return resource

    def _spec(self, definition: Resource, job: str, overrides: dict[str, Any], attempt: int = 1) -> RunSpec:
        """Return an attempt of a job."""

        def repeat(run: JobRun, reason: str) -> RunSpec | None:
            strategy = definition.outputs.get("retryStrategy") or {}
            if attempt >= strategy.get("attempts", 1) or not _is_repeated(strategy, reason, run.exit_code):
                return None
            return self._spec(definition, job, overrides, attempt + 1)

        container = json.loads(definition["containerProperties"])
        role = container["executionRoleArn"].rsplit("/", 1)[-1]
        variables = [*(container.get("environment") or []), *(overrides.get("environment") or [])]
        env = {item["name"]: item["value"] for item in variables if item.get("value")}
        env |= {"AWS_BATCH_JOB_ID": job, "AWS_BATCH_JOB_ATTEMPT": str(attempt), "AWS_REGION": definition["region"]}
        image = container["image"]
        try:
            self._may_start(definition, container, role, job)
            env |= {
                item["name"]: secretsmanager.resolve(self._cloud, item["valueFrom"], role)
                for item in container.get("secrets") or []
            }
        except Refused as refused:
            # Use an image that does not exist, so that the run fails before its container starts, with this reason.
            image = f"({refused})@{image.partition('@')[2]}"
        self._open_log(container, job)
        size = {item["type"]: item["value"] for item in container["resourceRequirements"]}
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
            # Batch's command replaces the image's CMD.
            args=command or None,
            refusal=self._cloud.faults.take_reason("START", definition["arnPrefix"]),
            repeat=repeat,
        )

    def _may_start(self, definition: Resource, container: dict[str, Any], role: str, job: str) -> None:
        access, cloud = self._cloud.access, self._cloud
        if access.assumable(container["executionRoleArn"], "ecs-tasks.amazonaws.com") is None:
            raise Refused(403, "AccessDenied", f"ECS was unable to assume the role {container['executionRoleArn']}")
        own = container.get("jobRoleArn")
        if own and access.assumable(own, "ecs-tasks.amazonaws.com") is None:
            raise Refused(403, "AccessDenied", f"ECS was unable to assume the role {own}")
        fargate = definition["platformCapabilities"] == ["FARGATE"]
        address = not fargate or (container.get("networkConfiguration") or {}).get("assignPublicIp") == "ENABLED"
        if not address or not self._has_route(job):
            raise Refused(400, "ResourceInitializationError", "unable to pull image: there is no route to the registry")
        url = container["image"].partition("@")[0]
        repository = cloud.find(ecr.REPOSITORY, repositoryUrl=url)
        if repository is None or not access.is_allowed(role, "ecr:GetAuthorizationToken", "*"):
            raise Refused(403, "CannotPullContainerError", f"{role} may not pull {url}")
        for action in _PULL:
            if not access.is_allowed(role, action, repository["arn"]):
                raise Refused(403, "CannotPullContainerError", f"{role} may not {action} on {repository['arn']}")
        group = cloud.get(logs.GROUP, container["logConfiguration"]["options"]["awslogs-group"])
        stream = f"{container['logConfiguration']['options']['awslogs-stream-prefix']}/default/x"
        for action in ("CreateLogStream", "PutLogEvents"):
            if group is None or not access.is_allowed(role, f"logs:{action}", f"{group['arn']}:log-stream:{stream}"):
                raise Refused(403, "ResourceInitializationError", f"failed to validate logger args: logs:{action}")

    def _has_route(self, job: str) -> bool:
        queue = self._require(batch.QUEUE, (self._store.get("aws:jobs", job) or {})["queue"])
        arns = [order["computeEnvironment"] for order in queue["computeEnvironmentOrders"]]
        environments = [self._cloud.find(batch.ENVIRONMENT, arn=arn) for arn in arns]
        subnets = [subnet for found in environments if found for subnet in found["computeResources"]["subnets"]]
        return all(network.has_route(self._cloud, subnet) for subnet in subnets)

    def _open_log(self, container: dict[str, Any], job: str) -> None:
        options = container["logConfiguration"]["options"]
        self._cloud.logs.open(options["awslogs-group"], self._stream(options, job), {"run": job})

    def _stream(self, options: dict[str, str], job: str) -> str:
        return f"{options['awslogs-stream-prefix']}/default/{job.replace('-', '')}"

    def _list_jobs(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        queue, status = request.get("jobQueue", "").rsplit("/", 1)[-1], request.get("jobStatus", "RUNNING")
        named = {item["name"]: item["values"] for item in request.get("filters") or []}
        if len(named) > 1 or named.keys() - {"JOB_DEFINITION", "JOB_NAME"}:
            raise Refused(400, "ClientException", "the sandbox lists jobs by one of JOB_DEFINITION and JOB_NAME")
        jobs = []
        for run in self._executor.runs("aws"):
            described = self._describe(run)
            in_queue = self._store.get("aws:jobs", run.run_id) == {"queue": queue}
            if in_queue and (_matches(described, named) if named else described["status"] == status):
                container = {key: value for key, value in described["container"].items() if key == "exitCode"}
                summary = {key: value for key, value in described.items() if key in _SUMMARY}
                jobs.append(summary | ({"container": container} if container else {}))
        return sorted(jobs, key=lambda item: -item["createdAt"])[: request.get("maxResults", 100)]

    def _describe(self, run: JobRun) -> dict[str, Any]:
        record = self._store.get("aws:job-names", run.run_id) or {"name": run.run_id, "definition": run.job}
        definition = self._cloud.find(batch.DEFINITION, arnPrefix=run.job)
        described: dict[str, Any] = {
            "jobId": run.run_id,
            "jobName": record["name"],
            "jobDefinition": record["definition"],
            "status": _STATES.get(run.state, run.state),
            "createdAt": round(run.created * 1000),
            "isTerminated": self._store.get("aws:terminated", run.run_id) is not None,
            "isCancelled": False,
            "container": {
                "image": run.image,
                "environment": [{"name": key, "value": value} for key, value in record.get("environment", {}).items()],
                **({"exitCode": run.exit_code} if run.exit_code is not None else {}),
            },
        }
        if definition is not None:
            logs_to = json.loads(definition["containerProperties"])["logConfiguration"]
            described["container"]["logConfiguration"] = logs_to
            if run.started is not None:
                described["container"]["logStreamName"] = self._stream(logs_to["options"], run.run_id)
        if run.attempts:
            described["attempts"] = [_describe_attempt(attempt) for attempt in run.attempts]
        if run.reason:
            described["statusReason"] = run.reason
        for key, seconds in (("startedAt", run.started), ("stoppedAt", run.stopped)):
            if seconds is not None:
                described[key] = round(seconds * 1000)
        return described


def _describe_attempt(attempt: dict[str, Any]) -> dict[str, Any]:
    exited = {} if attempt["exit_code"] is None else {"exitCode": attempt["exit_code"]}
    times = {"startedAt": attempt["started"], "stoppedAt": attempt["stopped"]}
    times = {key: round(seconds * 1000) for key, seconds in times.items() if seconds is not None}
    return {"statusReason": attempt["reason"], "container": exited, **times}


def _is_repeated(strategy: dict[str, Any], reason: str, exit_code: int | None) -> bool:
    """Apply evaluateOnExit: the first rule counts all of whose patterns match; without one, the attempt is repeated."""
    if reason.startswith("Job attempt duration exceeded timeout"):
        return False
    facts = {"onStatusReason": reason, "onReason": reason, "onExitCode": exit_code}
    for rule in strategy.get("evaluateOnExits") or []:
        patterns = {key: rule[key] for key in facts if rule.get(key)}
        if all(_is_like(facts[key], pattern) for key, pattern in patterns.items()):
            return str(rule["action"]).lower() == "retry"
    return True


def _is_like(value: object, pattern: str) -> bool:
    """Return whether a value matches a pattern, which may end in an asterisk. A missing exit code matches none."""
    if value is None:
        return False
    text = str(value)
    return text.startswith(pattern[:-1]) if pattern.endswith("*") else text == pattern


def _matches(job: dict[str, Any], named: dict[str, list[str]]) -> bool:
    """Return whether a job is one that a filter selects: by its definition's name, or by its own name or prefix."""
    if "JOB_DEFINITION" in named:
        definition = job["jobDefinition"].rsplit("/", 1)[-1].partition(":")[0]
        return any(definition == value.partition(":")[0] for value in named["JOB_DEFINITION"])
    name = job["jobName"].lower()  # Batch ignores the case
    return any(
        name.startswith(value[:-1]) if value.endswith("*") else name == value
        for value in map(str.lower, named["JOB_NAME"])
    )
