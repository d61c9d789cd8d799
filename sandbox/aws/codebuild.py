"""CodeBuild: projects, and builds that really run their buildspec with simulated `aws` and `docker` (build_tools).

A build has only a session of the project's role, which determines the permissions to fetch and push. The sandbox's own
repositories then build the image that the buildspec pushed with `docker push`.
"""

from __future__ import annotations

import io
import json
import os
import secrets
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from sandbox.aws import ecr, logs
from sandbox.aws.calls import Call, Refused, Reply, reply
from sandbox.aws.handlers import AwsHandler
from sandbox.cloud import CloudError, Resource
from sandbox.images import BuildError

if TYPE_CHECKING:
    from sandbox.aws.cloud import AwsCloud

PROJECT = "aws:codebuild/project:Project"
_TOOLS = Path(__file__).with_name("build_tools.py")
_PUSH = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:InitiateLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:CompleteLayerUpload",
    "ecr:PutImage",
    "ecr:BatchGetImage",
)


class Project(AwsHandler):
    """Projects."""

    service, arn, limit = "codebuild", "project/{id}", r"[A-Za-z0-9][\w-]{1,149}"

    def add_computed(self, resource: Resource) -> None:
        inputs = resource.inputs
        self.cloud.access.must_trust(inputs["serviceRole"], "codebuild.amazonaws.com")
        if inputs["source"]["type"] != "NO_SOURCE" or not inputs["source"].get("buildspec"):
            raise CloudError("InvalidInputException: a project without source needs a buildspec")
        if not inputs["environment"].get("privilegedMode"):
            raise CloudError("the sandbox builds images, for which a project needs privilegedMode")


class Builds:
    """StartBuild, StopBuild, BatchGetBuilds, ListBuildsForProject."""

    def __init__(self, cloud: AwsCloud) -> None:
        self._cloud, self._store = cloud, cloud.kernel.store
        self._starting = threading.RLock()

    def serve(self, call: Call, action: str) -> Reply:
        """Answer a request. Raises Refused."""
        caller, request = self._cloud.access.caller(call), call.json()
        if action in ("StartBuild", "ListBuildsForProject"):
            project = self._cloud.get(PROJECT, request.get("projectName", ""))
            if project is None:
                raise Refused(400, "ResourceNotFoundException", "Project cannot be found")
            self._cloud.access.demand(caller, f"codebuild:{action}", project["arn"])
            if action == "ListBuildsForProject":
                return reply({"ids": self._newest_first(project)})
            return reply({"build": self._start_once(project, request)})
        if action == "StopBuild":
            build = self._store.get("aws:builds", request.get("id", ""))
            if build is None:
                raise Refused(400, "ResourceNotFoundException", "The build cannot be found")
            self._cloud.access.demand(caller, "codebuild:StopBuild", build["projectArn"])
            return reply({"build": self._stop(build)})
        if action == "BatchGetBuilds":
            builds = [self._store.get("aws:builds", id_) for id_ in request["ids"]]
            existing = [build for build in builds if build is not None]
            for build in existing:
                self._cloud.access.demand(caller, "codebuild:BatchGetBuilds", build["projectArn"])
            return reply({"builds": existing})
        raise Refused(400, "UnknownOperationException", f"the sandbox has no {action}")

    def _newest_first(self, project: Resource) -> list[str]:
        builds = self._store.all("aws:builds", f"{project.id}:").values()
        return [build["id"] for build in sorted(builds, key=lambda build: build["startTime"], reverse=True)]

    def _start_once(self, project: Resource, request: dict[str, Any]) -> dict[str, Any]:
        """Start a build, or return the build that was already started with the same idempotency token."""
        with self._starting:
            token = request.get("idempotencyToken")
            started = self._store.get("aws:build-tokens", token) if token else None
            if started is not None:
                return self._store.get("aws:builds", started["id"]) or {}
            build = self._start(project, request.get("environmentVariablesOverride") or [])
            if token:
                self._store.put("aws:build-tokens", token, {"id": build["id"]})
            return build

    def _start(self, project: Resource, variables: list[dict[str, str]]) -> dict[str, Any]:
        number = secrets.token_hex(16)
        group = project.inputs["logsConfig"]["cloudwatchLogs"]["groupName"]
        build = {
            "id": f"{project.id}:{number}",
            "arn": f"{project['arn'].replace(':project/', ':build/')}:{number}",
            "projectName": project.id,
            "projectArn": project["arn"],
            "buildStatus": "IN_PROGRESS",
            "startTime": time.time(),
            "environment": {**project.inputs["environment"], "environmentVariables": variables},
            "logs": {"groupName": group, "streamName": number},
            "phases": [],
        }
        self._save(build)
        self._store.put_blob("aws/builds", number, b"")
        arguments = (project, build, {variable["name"]: variable["value"] for variable in variables})
        threading.Thread(target=self._run, args=arguments, daemon=True).start()
        return build

    def _stop(self, build: dict[str, Any]) -> dict[str, Any]:
        with self._starting:
            current = self._store.get("aws:builds", build["id"]) or build
            if current["buildStatus"] == "IN_PROGRESS":
                current |= {"buildStatus": "STOPPED", "endTime": time.time(), "buildComplete": True}
                self._store.put("aws:builds", current["id"], current)
        return current

    def _save(self, build: dict[str, Any]) -> bool:
        """Store a build's new state unless it was stopped; return whether it was stored."""
        with self._starting:
            current = self._store.get("aws:builds", build["id"])
            if current is not None and current["buildStatus"] == "STOPPED":
                return False
            self._store.put("aws:builds", build["id"], build)
        return True

    def _run(self, project: Resource, build: dict[str, Any], variables: dict[str, str]) -> None:
        lines: list[str] = []
        image: list[str] = []

        def log(line: str) -> None:
            lines.append(line)
            self._store.put_blob("aws/builds", build["logs"]["streamName"], "\n".join(lines).encode())

        try:
            if self._cloud.access.assumable(project.inputs["serviceRole"], "codebuild.amazonaws.com") is None:
                raise BuildError(
                    "ACCESS_DENIED: CodeBuild is not authorized to perform: sts:AssumeRole on service role"
                )
            self._open_log(project, build)
            with tempfile.TemporaryDirectory() as scratch:
                self._script(project, variables, Path(scratch), log)
                image.append(self._push(project, Path(scratch), log))
        except (BuildError, OSError, Refused) as error:
            log(f"failed: {error}")
            text = str(error)
            status = "ACCESS_DENIED" if text.startswith("ACCESS_DENIED") else "COMMAND_EXECUTION_ERROR"
            message = {"message": text, "statusCode": status}
            build |= {"buildStatus": "FAILED", "phases": [{"phaseType": "BUILD", "contexts": [message]}]}
        else:
            build |= {"buildStatus": "SUCCEEDED"}
        if not self._save(build | {"endTime": time.time(), "buildComplete": True}) and image:
            # A stopped build must not leave an image.
            self._store.delete("images", image[0])

    def _open_log(self, project: Resource, build: dict[str, Any]) -> None:
        where = build["logs"]
        group = self._cloud.get(logs.GROUP, where["groupName"])
        role = project.inputs["serviceRole"].rsplit("/", 1)[-1]
        stream = f"{group['arn']}:log-stream:{where['streamName']}" if group else ""
        if not all(
            self._cloud.access.is_allowed(role, f"logs:{act}", stream) for act in ("CreateLogStream", "PutLogEvents")
        ):
            raise BuildError("ACCESS_DENIED: Service role does not allow AWS CodeBuild to write to CloudWatch Logs")
        self._cloud.logs.open(where["groupName"], where["streamName"], {"blob": where["streamName"]})

    def _script(self, project: Resource, variables: dict[str, str], scratch: Path, log: Any) -> None:
        tools = scratch / "tools"
        tools.mkdir()
        for name in ("aws", "docker"):
            tool = tools / name
            tool.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P "{_TOOLS}" {name} "$@"\n')
            tool.chmod(0o755)
        source = scratch / "src"
        source.mkdir()
        session = self._cloud.access.session(project.inputs["serviceRole"], "AWSCodeBuild")
        env = {
            "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(scratch),
            **self._cloud.kernel.network.environment(f"codebuild/{project.id}"),
            **session,
            "AWS_REGION": project["region"],
            "AWS_DEFAULT_REGION": project["region"],
            "DOCKER_RECORD": str(scratch / "docker.json"),
            **variables,
        }
        try:
            for command in yaml.safe_load(project.inputs["source"]["buildspec"])["phases"]["build"]["commands"]:
                with subprocess.Popen(
                    ["bash", "-c", command],
                    cwd=source,
                    env=env,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                ) as running:
                    for line in running.stdout or ():
                        log(line.rstrip("\n"))
                if running.returncode:
                    raise BuildError(f"Error while executing command. Reason: exit status {running.returncode}")
        finally:
            self._cloud.access.end(session["AWS_ACCESS_KEY_ID"])

    def _push(self, project: Resource, scratch: Path, log: Any) -> str:
        """Build the image that the buildspec built and pushed; return REPOSITORY@sha256:HEX."""
        record = scratch / "docker.json"
        pushed = json.loads(record.read_text()) if record.exists() else {}
        if not pushed.get("push"):
            raise BuildError("the buildspec pushed no image")
        url, _, tag = pushed["push"].rpartition(":")
        repository = self._cloud.find(ecr.REPOSITORY, repositoryUrl=url)
        role = project.inputs["serviceRole"].rsplit("/", 1)[-1]
        if repository is None:
            raise BuildError(f"name unknown: The repository {url} does not exist")
        for action in _PUSH:
            if not self._cloud.access.is_allowed(role, action, repository["arn"]):
                raise BuildError(f"denied: {role} is not authorized to perform: {action} on {repository['arn']}")
        if repository["imageTagMutability"] == "IMMUTABLE" and tag in self._cloud.kernel.images.tags(url):
            raise BuildError(f"tag invalid: The image tag '{tag}' already exists and cannot be overwritten")
        context = scratch / "src" / pushed["context"]
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            archive.add(context, ".")
        dockerfile = Path(pushed["file"]).relative_to(pushed["context"]).as_posix()
        digest = self._cloud.kernel.images.build(url, buffer.getvalue(), dockerfile, pushed["arguments"], [tag], log)
        return f"{url}@{digest}"
