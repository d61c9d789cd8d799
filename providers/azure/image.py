"""A node's image, built by Azure Container Registry itself (ACR Tasks, a quick run): no Docker on the user's machine.

The registry hands out an upload address for the source, builds the Dockerfile for linux/amd64 on a machine of its own
and pushes the result (`build_task`); its log is followed while it runs.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import httpx
import pulumi

from nodefile import Node
from providers.azure.arm import Arm, ArmError
from providers.azure.blobs import put_blob
from providers.azure.build_task import task
from providers.azure.cluster import Cluster
from providers.azure.login import login
from providers.azure.repositories import RegistryApi, RepositoryError, prune
from providers.cancellation import cancelled
from providers.contract import TYPE_PREFIX, Stack
from providers.images.arguments import build_arguments
from providers.images.build import ImageBuild as SharedBuild
from providers.images.build import ImageBuildProvider, context_of, image_tag, source_inputs
from providers.images.following import BuildFailed, BuildLog, Lost, Unanswered, say
from providers.images.local_build import build_image

_VERSION = "2019-06-01-preview"
_MAX_SECONDS = 3600
_STARTING = threading.Lock()


class AcrBuildProvider(ImageBuildProvider):
    """Uploads to the registry's own storage, schedules a run, looks at it."""

    max_seconds = _MAX_SECONDS + 600.0

    def find(self, props: dict[str, Any]) -> str | None:
        try:
            registry = RegistryApi(props["repository"].split("/")[0], props["token"])
            return registry.digest(props["node"], image_tag(props))
        except RepositoryError as error:
            # A registry that was made a moment ago may not have its address yet: it is asked to save a build, no more.
            say(props, f"the registry did not say whether it has the image: {error}")
            return None

    def upload(self, props: dict[str, Any], _name: str, archive: Path) -> str:
        target = _arm(props, "listBuildSourceUploadUrl")
        put_blob(props, target["uploadUrl"], archive)
        return str(target["relativePath"])

    def start(self, props: dict[str, Any], source: str, former: str | None) -> str:
        system, architecture = props["platform"].split("/")
        image, dockerfile = f"{props['repository']}:{image_tag(props)}", context_of(props).dockerfile_name
        request = {
            "type": "EncodedTaskRunRequest",
            "sourceLocation": source,
            "encodedTaskContent": task(image, dockerfile, props["platform"], props["arguments"], former, _MAX_SECONDS),
            "platform": {"os": system.capitalize(), "architecture": architecture},
            "timeout": _MAX_SECONDS,
        }
        # One start at a time: a run says nothing of whose it is, but what is new after a lost answer was this one's.
        with _STARTING:
            before = _runs(props)
            try:
                return str(_arm(props, "scheduleRun", request, attempts=1)["properties"]["runId"])
            except Unanswered:
                cancelled.wait(self.poll_seconds)
                new = sorted(_runs(props) - before)
                if new:
                    return new[0]
                raise

    def look(self, props: dict[str, Any], build_id: str) -> str | None:
        try:
            run = Arm(props["token"], attempts=1).get(f"{props['registryId']}/runs/{build_id}", _VERSION)["properties"]
        except ArmError as error:
            if error.passing:
                raise Unanswered(str(error)) from error
            raise Lost(props, f"{error}. A token of the deployer is good for about an hour") from error
        if run["status"] == "Succeeded":
            return self._digest(props, run)
        if run["status"] in ("Failed", "Canceled", "Error", "Timeout"):
            raise BuildFailed(run.get("runErrorMessage") or run["status"].lower())
        return None

    def _digest(self, props: dict[str, Any], run: dict[str, Any]) -> str:
        """A run of a task need not say what it has pushed; the registry knows."""
        for image in run.get("outputImages") or []:
            if image["repository"] == props["node"] and image.get("digest"):
                return str(image["digest"])
        digest = self.find(props)
        if digest is None:
            raise Unanswered("the build has ended, but the registry does not name its image yet")
        return digest

    def cancel(self, props: dict[str, Any], build_id: str) -> None:
        _arm(props, f"runs/{build_id}/cancel")

    def log(self, props: dict[str, Any], build_id: str) -> BuildLog:
        return _Log(props, build_id)

    def tidy(self, props: dict[str, Any], kept: set[str]) -> None:
        prune(props["repository"].split("/")[0], props["token"], props["node"], kept)


def _runs(props: dict[str, Any]) -> set[str]:
    """The ids of the registry's latest runs."""
    try:
        found = Arm(props["token"]).get(f"{props['registryId']}/runs", _VERSION)
    except ArmError as error:
        raise BuildFailed(f"the builds of the registry of {props['node']} could not be listed: {error}") from error
    return {str(run["properties"]["runId"]) for run in found.get("value") or []}


def _arm(props: dict[str, Any], action: str, body: dict[str, Any] | None = None, attempts: int = 6) -> dict[str, Any]:
    try:
        return Arm(props["token"], attempts).post(f"{props['registryId']}/{action}", _VERSION, body)
    except ArmError as error:
        if error.passing and attempts == 1:
            raise Unanswered(str(error)) from error
        hint = ""
        if "TasksOperationsNotAllowed" in str(error):
            hint = " This subscription may not use ACR Tasks (free credit); a support request or a paid plan lifts it."
        raise BuildFailed(f"the registry did not take the build of {props['node']}: {error}.{hint}") from error


class _Log(BuildLog):
    """The run's log, a blob that grows."""

    def __init__(self, props: dict[str, Any], run: str) -> None:
        self._props, self._run = props, run
        self._url, self._read, self._rest = "", 0, b""

    def new_lines(self, last: bool = False) -> list[str]:
        """What has been appended, but for a line that is still being written."""
        self._rest += self._appended()
        *whole, self._rest = self._rest.split(b"\n")
        if last and self._rest:
            whole, self._rest = [*whole, self._rest], b""
        return [line.decode("utf-8", "replace").rstrip("\r") for line in whole]

    def _appended(self) -> bytes:
        try:
            if not self._url:
                path = f"{self._props['registryId']}/runs/{self._run}/listLogSasUrl"
                self._url = str(Arm(self._props["token"], attempts=1).post(path, _VERSION)["logLink"])
            answer = httpx.get(self._url, headers={"Range": f"bytes={self._read}-"}, timeout=30)
        except (ArmError, KeyError, httpx.HTTPError):
            return b""
        if answer.status_code not in (200, 206):
            return b""
        new = answer.content[self._read :] if answer.status_code == 200 else answer.content
        self._read += len(new)
        return new


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
        super().__init__(node.name, "azure-image", props, opts)


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
