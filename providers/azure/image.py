"""A node's image, built by Azure Container Registry itself (ACR Tasks, a quick run): no Docker on the user's machine.

The registry hands out an upload address for the source, builds the Dockerfile for linux/amd64 on a machine of its own
and pushes the result; its log is followed while it runs.
"""

from __future__ import annotations

import time
from typing import Any

import httpx
import pulumi

from nodefile import Node
from providers.azure.arm import Arm, ArmError, describe
from providers.azure.cluster import Cluster
from providers.azure.login import login
from providers.azure.repositories import prune
from providers.build import BuildFailed, ImageBuildProvider, build_arguments, context_of, source_inputs
from providers.build import ImageBuild as SharedBuild
from providers.contract import TYPE_PREFIX, Stack
from providers.local_build import build_image

_VERSION = "2019-06-01-preview"
_POLL_SECONDS = 3.0
_MAX_SECONDS = 3600
_LAST_LINES = 30


class AcrBuildProvider(ImageBuildProvider):
    """Uploads to the registry's own storage, schedules a run, follows it."""

    poll_seconds = _POLL_SECONDS

    def upload(self, props: dict[str, Any], _name: str, archive: bytes) -> str:
        target = _arm(props, "listBuildSourceUploadUrl")
        answer = httpx.put(
            target["uploadUrl"],
            content=archive,
            headers={"x-ms-blob-type": "BlockBlob", "Content-Type": "application/gzip"},
            timeout=600,
        )
        if answer.status_code >= 400:
            raise BuildFailed(f"the source of {props['node']} could not be uploaded: {describe(answer)}")
        return str(target["relativePath"])

    def start(self, props: dict[str, Any], source: str) -> str:
        system, architecture = props["platform"].split("/")
        request = {
            "type": "DockerBuildRequest",
            "sourceLocation": source,
            "dockerFilePath": context_of(props).dockerfile_name,
            "imageNames": [f"{props['node']}:{props['tag']}"],
            "isPushEnabled": True,
            "platform": {"os": system.capitalize(), "architecture": architecture},
            "arguments": [
                {"name": name, "value": value, "isSecret": False} for name, value in sorted(props["arguments"].items())
            ],
            "timeout": _MAX_SECONDS,
        }
        return str(_arm(props, "scheduleRun", request)["properties"]["runId"])

    def watch(self, props: dict[str, Any], build_id: str) -> str:
        log = _Log(props, build_id)
        deadline = time.monotonic() + _MAX_SECONDS + 600
        while time.monotonic() < deadline:
            try:
                run = Arm(props["token"]).get(f"{props['registryId']}/runs/{build_id}", _VERSION)["properties"]
            except ArmError as error:
                raise BuildFailed(f"the build of {props['node']} could not be followed: {error}") from error
            log.follow()
            if run["status"] == "Succeeded":
                digest = _digest(props, run)
                prune(props["repository"].split("/")[0], props["token"], props["node"], digest)
                return digest
            if run["status"] in ("Failed", "Canceled", "Error", "Timeout"):
                reason = run.get("runErrorMessage") or run["status"].lower()
                raise BuildFailed(f"the build of {props['node']} ended: {reason}\n{log.tail()}")
            time.sleep(self.poll_seconds)
        raise BuildFailed(f"the build of {props['node']} took longer than {_MAX_SECONDS // 60} minutes\n{log.tail()}")


def _digest(props: dict[str, Any], run: dict[str, Any]) -> str:
    for image in run.get("outputImages") or []:
        if image["repository"] == props["node"] and image.get("digest"):
            return str(image["digest"])
    raise BuildFailed(f"the build of {props['node']} succeeded but the registry names no image; run `pulumi up` again")


def _arm(props: dict[str, Any], action: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    try:
        return Arm(props["token"]).post(f"{props['registryId']}/{action}", _VERSION, body)
    except ArmError as error:
        hint = ""
        if "TasksOperationsNotAllowed" in str(error):
            hint = " This subscription may not use ACR Tasks (free credit); a support request or a paid plan lifts it."
        raise BuildFailed(f"the registry did not take the build of {props['node']}: {error}.{hint}") from error


class _Log:
    """The run's log, which grows while it runs; a log that cannot be had never fails a build."""

    def __init__(self, props: dict[str, Any], run: str) -> None:
        self._props, self._run = props, run
        self._url, self._read, self._text = "", 0, ""

    def follow(self) -> None:
        """Print what is new."""
        try:
            if not self._url:
                path = f"{self._props['registryId']}/runs/{self._run}/listLogSasUrl"
                self._url = str(Arm(self._props["token"]).post(path, _VERSION)["logLink"])
            answer = httpx.get(self._url, headers={"Range": f"bytes={self._read}-"}, timeout=30)
        except (ArmError, KeyError, httpx.HTTPError):
            return
        if answer.status_code not in (200, 206):
            return
        new = answer.content[self._read :] if answer.status_code == 200 else answer.content
        self._read += len(new)
        text = new.decode("utf-8", "replace")
        self._text += text
        for line in text.splitlines():
            print(f"{self._props['node']}: {line}", flush=True)

    def tail(self) -> str:
        """The last lines."""
        return "\n".join(self._text.splitlines()[-_LAST_LINES:])


def repository(node: Node, cluster: Cluster) -> pulumi.Output[str]:
    """A node's repository in the cluster's registry."""
    return pulumi.Output.concat(cluster.registry.login_server, "/", node.name)


class ImageBuild(SharedBuild, module="prediction-nodes", name="ImageBuild"):
    """A node's build in the cluster's registry."""

    def __init__(self, node: Node, cluster: Cluster, stack: Stack, opts: pulumi.ResourceOptions) -> None:
        props = {
            **source_inputs(node),
            "repository": repository(node, cluster),
            "registryId": cluster.registry.id,
            "arguments": build_arguments(node, stack.model_ids[node.name]),
            "token": cluster.token,
        }
        super().__init__(node.name, AcrBuildProvider(), props, opts)


class Image(pulumi.ComponentResource):
    """The image of one node in the cluster's registry."""

    image: pulumi.Output[str]
    """REPOSITORY@sha256:HEX"""

    def __init__(self, node: Node, cluster: Cluster, stack: Stack, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{TYPE_PREFIX}:azure:Image", node.name, None, opts)
        # Role assignments take minutes to spread and a job whose image or keys cannot be read is refused at creation:
        # the build is the useful way to let that time pass.
        own = pulumi.ResourceOptions(parent=self, depends_on=cluster.puller_grants)
        if node.build.docker:
            self.image = build_image(node, repository(node, cluster), login(cluster), stack, own)
        else:
            self.image = ImageBuild(node, cluster, stack, own).image
        self.register_outputs({"image": self.image})
