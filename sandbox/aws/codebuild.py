"""CodeBuild: projects, and builds that really run their buildspec, with `aws` and `docker` stood in (build_tools).

A build has a session of the project's role and nothing else: what it may fetch and push is decided by that role. What
its `docker push` pushed is then built by the sandbox's own registry.
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
)


class Project(AwsHandler):
    """Projects."""

    service, arn, limit = "codebuild", "project/{id}", r"[A-Za-z0-9][\w-]{1,149}"

    def computed(self, resource: Resource) -> None:
        inputs = resource.inputs
        self.cloud.access.must_trust(inputs["serviceRole"], "codebuild.amazonaws.com")
        if inputs["source"]["type"] != "NO_SOURCE" or not inputs["source"].get("buildspec"):
            raise CloudError("InvalidInputException: a project without source needs a buildspec")
        if not inputs["environment"].get("privilegedMode"):
            raise CloudError("the sandbox builds images, for which a project needs privilegedMode")


class Builds:
    """StartBuild and BatchGetBuilds."""

    def __init__(self, cloud: AwsCloud) -> None:
        self._cloud, self._store = cloud, cloud.kernel.store

    def serve(self, call: Call, action: str) -> Reply:
        """One request. Raises Refused."""
        caller, wanted = self._cloud.access.caller(call), call.json()
        if action == "StartBuild":
            project = self._cloud.get(PROJECT, wanted.get("projectName", ""))
            if project is None:
                raise Refused(400, "ResourceNotFoundException", "Project cannot be found")
            self._cloud.access.demand(caller, "codebuild:StartBuild", project["arn"])
            return reply({"build": self._start(project, wanted.get("environmentVariablesOverride") or [])})
        if action == "BatchGetBuilds":
            builds = [self._store.get("aws:builds", id_) for id_ in wanted["ids"]]
            found = [build for build in builds if build is not None]
            for build in found:
                self._cloud.access.demand(caller, "codebuild:BatchGetBuilds", build["projectArn"])
            return reply({"builds": found})
        raise Refused(400, "UnknownOperationException", f"the sandbox has no {action}")

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
            "logs": {"groupName": group, "streamName": number},
            "phases": [],
        }
        self._save(build)
        self._store.put_blob("aws/builds", number, b"")
        arguments = (project, build, {each["name"]: each["value"] for each in variables})
        threading.Thread(target=self._run, args=arguments, daemon=True).start()
        return build

    def _save(self, build: dict[str, Any]) -> None:
        self._store.put("aws:builds", build["id"], build)

    def _run(self, project: Resource, build: dict[str, Any], variables: dict[str, str]) -> None:
        lines: list[str] = []

        def log(line: str) -> None:
            lines.append(line)
            self._store.put_blob("aws/builds", build["logs"]["streamName"], "\n".join(lines).encode())

        try:
            self._open_log(project, build)
            with tempfile.TemporaryDirectory() as scratch:
                self._script(project, variables, Path(scratch), log)
                self._push(project, Path(scratch), log)
        except (BuildError, OSError, Refused) as error:
            log(f"failed: {error}")
            text = str(error)
            status = "ACCESS_DENIED" if text.startswith("ACCESS_DENIED") else "COMMAND_EXECUTION_ERROR"
            message = {"message": text, "statusCode": status}
            build |= {"buildStatus": "FAILED", "phases": [{"phaseType": "BUILD", "contexts": [message]}]}
        else:
            build |= {"buildStatus": "SUCCEEDED"}
        self._save(build | {"endTime": time.time(), "buildComplete": True})

    def _open_log(self, project: Resource, build: dict[str, Any]) -> None:
        where = build["logs"]
        group = self._cloud.get(logs.GROUP, where["groupName"])
        role = project.inputs["serviceRole"].rsplit("/", 1)[-1]
        stream = f"{group['arn']}:log-stream:{where['streamName']}" if group else ""
        if not all(
            self._cloud.access.allowed(role, f"logs:{act}", stream) for act in ("CreateLogStream", "PutLogEvents")
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
                done = subprocess.run(
                    ["bash", "-c", command], cwd=source, env=env, capture_output=True, text=True, check=False
                )
                for line in (done.stdout + done.stderr).splitlines():
                    log(line)
                if done.returncode:
                    raise BuildError(f"Error while executing command. Reason: exit status {done.returncode}")
        finally:
            self._cloud.access.end(session["AWS_ACCESS_KEY_ID"])

    def _push(self, project: Resource, scratch: Path, log: Any) -> None:
        """Build what was built, put it where it was pushed."""
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
            if not self._cloud.access.allowed(role, action, repository["arn"]):
                raise BuildError(f"denied: {role} is not authorized to perform: {action} on {repository['arn']}")
        if repository["imageTagMutability"] == "IMMUTABLE" and tag in self._cloud.kernel.images.tags(url):
            raise BuildError(f"tag invalid: The image tag '{tag}' already exists and cannot be overwritten")
        context = scratch / "src" / pushed["context"]
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            archive.add(context, ".")
        dockerfile = Path(pushed["file"]).relative_to(pushed["context"]).as_posix()
        self._cloud.kernel.images.build(url, buffer.getvalue(), dockerfile, pushed["arguments"], [tag], log)
