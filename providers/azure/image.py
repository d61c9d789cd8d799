"""A node's image, built by a quick run of ACR Tasks in the registry, so that the user's machine needs no Docker.

The source is uploaded to a URL that the registry provides. The registry builds the image for linux/amd64 on a separate
machine and pushes it (`build_task`), and the build's log is followed while it runs.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pulumi
from pulumi import dynamic

from nodefile import Node
from providers import https
from providers.azure.arm import MANAGEMENT, Arm, ArmError
from providers.azure.blobs import put_blob
from providers.azure.build_task import encode_task
from providers.azure.cluster import Cluster
from providers.azure.login import create_login
from providers.azure.repositories import DockerImages, RegistryApi, RepositoryError, delete_images, prune
from providers.cancellation import cancelled
from providers.component import TYPE_PREFIX, Stack, alias_in_region, name_in_region
from providers.images.arguments import build_arguments
from providers.images.build import ImageBuild as SharedBuild
from providers.images.build import ImageBuildProvider, context_of, image_tag, source_inputs
from providers.images.following import BuildFailed, BuildLog, Lost, Unanswered, say
from providers.images.local_build import build_image

_VERSION = "2019-06-01-preview"
_MAX_SECONDS = 3600
_STARTING = threading.Lock()


class AcrBuildProvider(ImageBuildProvider):
    """Uploads the source to the registry's storage, runs a build and reads the image's digest from the registry."""

    max_seconds = _MAX_SECONDS + 600.0

    def request_token(self) -> str:
        from providers.azure.identity import Identity  # the Azure SDK takes a while to import

        return Identity(self.setting).request_token(MANAGEMENT)

    def find_digest(self, props: dict[str, Any]) -> str | None:
        try:
            registry = RegistryApi(props["repository"].split("/")[0], props["token"])
            return registry.find_digest(props["node"], image_tag(props))
        except RepositoryError as error:
            # The host name of a new registry may not resolve yet. This query only avoids builds, so it may fail.
            say(props, f"could not check whether the registry has the image: {error}")
            return None

    def upload(self, props: dict[str, Any], _name: str, archive: Path) -> str:
        target = _post(props, "listBuildSourceUploadUrl")
        put_blob(props, target["uploadUrl"], archive)
        return str(target["relativePath"])

    def start(self, props: dict[str, Any], source: str, former: str | None) -> str:
        system, architecture = props["platform"].split("/")
        image, dockerfile = f"{props['repository']}:{image_tag(props)}", context_of(props).dockerfile_name
        request = {
            "type": "EncodedTaskRunRequest",
            "sourceLocation": source,
            "encodedTaskContent": encode_task(
                image, dockerfile, props["platform"], props["arguments"], former, _MAX_SECONDS
            ),
            "platform": {"os": system.capitalize(), "architecture": architecture},
            "timeout": _MAX_SECONDS,
        }
        # Only one start at a time: a run does not name its node, but after a lost answer, a new run must be this one's.
        with _STARTING:
            before = _list_runs(props)
            try:
                return str(_post(props, "scheduleRun", request, attempts=1)["properties"]["runId"])
            except Unanswered:
                cancelled.wait(self.poll_seconds)
                new = sorted(_list_runs(props) - before)
                if new:
                    return new[0]
                raise

    def poll(self, props: dict[str, Any], build_id: str) -> str | None:
        try:
            run = Arm(props["token"], attempts=1).get(f"{props['registryId']}/runs/{build_id}", _VERSION)["properties"]
        except ArmError as error:
            if error.passing:
                raise Unanswered(str(error)) from error
            raise Lost(props, f"{error}. The deploying identity's token is valid for about an hour") from error
        if run["status"] == "Succeeded":
            return self._read_digest(props, run)
        if run["status"] in ("Failed", "Canceled", "Error", "Timeout"):
            raise BuildFailed(run.get("runErrorMessage") or run["status"].lower())
        return None

    def _read_digest(self, props: dict[str, Any], run: dict[str, Any]) -> str:
        """Return the digest of the pushed image: from the run or, if the run names none, from the registry."""
        for image in run.get("outputImages") or []:
            if image["repository"] == props["node"] and image.get("digest"):
                return str(image["digest"])
        digest = self.find_digest(props)
        if digest is None:
            raise Unanswered("the build has ended, but the registry does not show its image yet")
        return digest

    def cancel(self, props: dict[str, Any], build_id: str) -> None:
        _post(props, f"runs/{build_id}/cancel")

    def log(self, props: dict[str, Any], build_id: str) -> BuildLog:
        return _Log(props, build_id)

    def diff(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        # In another region, the new image is built before the node moves and the old images are deleted.
        if olds.get("repository") != news["repository"]:
            return dynamic.DiffResult(changes=True, replaces=["repository"])
        return super().diff(id_, olds, news)

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        delete_images(props["repository"].split("/")[0], props["node"], self.setting, tagged=True)

    def delete_old(self, props: dict[str, Any], kept: set[str]) -> None:
        prune(props["repository"].split("/")[0], props["token"], props["node"], kept)


def _list_runs(props: dict[str, Any]) -> set[str]:
    """Return the ids of the registry's latest runs."""
    try:
        page = Arm(props["token"]).get(f"{props['registryId']}/runs", _VERSION)
    except ArmError as error:
        raise BuildFailed(f"the builds of the registry of {props['node']} could not be listed: {error}") from error
    return {str(run["properties"]["runId"]) for run in page.get("value") or []}


def _post(props: dict[str, Any], action: str, body: dict[str, Any] | None = None, attempts: int = 6) -> dict[str, Any]:
    try:
        return Arm(props["token"], attempts).post(f"{props['registryId']}/{action}", _VERSION, body)
    except ArmError as error:
        if error.passing and attempts == 1:
            raise Unanswered(str(error)) from error
        hint = ""
        if "TasksOperationsNotAllowed" in str(error):
            hint = " Subscriptions on free credit may not use ACR Tasks; open a support request or upgrade the plan."
        raise BuildFailed(f"the registry did not accept the build of {props['node']}: {error}.{hint}") from error


class _Log(BuildLog):
    """A run's log: a blob to which the run appends."""

    def __init__(self, props: dict[str, Any], run: str) -> None:
        self._props, self._run = props, run
        self._url, self._read, self._rest = "", 0, b""

    def new_lines(self, last: bool = False) -> list[str]:
        """Return the lines that were appended since the last call, without an unfinished line."""
        self._rest += self._read_appended()
        *whole, self._rest = self._rest.split(b"\n")
        if last and self._rest:
            whole, self._rest = [*whole, self._rest], b""
        return [line.decode("utf-8", "replace").rstrip("\r") for line in whole]

    def _read_appended(self) -> bytes:
        try:
            if not self._url:
                path = f"{self._props['registryId']}/runs/{self._run}/listLogSasUrl"
                self._url = str(Arm(self._props["token"], attempts=1).post(path, _VERSION)["logLink"])
            answer = https.request("GET", self._url, headers={"Range": f"bytes={self._read}-"}, timeout=30)
        except (ArmError, KeyError, https.NoResponse):
            return b""
        if answer.status_code not in (200, 206):
            return b""
        new = answer.content[self._read :] if answer.status_code == 200 else answer.content
        self._read += len(new)
        return new


def build_repository_url(node: Node, cluster: Cluster) -> pulumi.Output[str]:
    """Return the URL of a node's repository in the cluster's registry."""
    return pulumi.Output.concat(cluster.registry.login_server, "/", node.name)


class ImageBuild(SharedBuild, module="prediction-nodes", name="ImageBuild"):
    """The build of a node's image, which is pushed to the cluster's registry."""

    def __init__(self, node: Node, cluster: Cluster, stack: Stack, opts: pulumi.ResourceOptions) -> None:
        props = {
            **source_inputs(node),
            "repository": build_repository_url(node, cluster),
            "registryId": cluster.registry.id,
            "arguments": build_arguments(node, stack.model_ids[node.name]),
            "token": cluster.token,
        }
        super().__init__(name_in_region(node), "azure-image", props, opts)


class Image(pulumi.ComponentResource):
    """A node's image in the cluster's registry."""

    image: pulumi.Output[str]
    """REPOSITORY@sha256:HEX"""

    def __init__(self, node: Node, cluster: Cluster, stack: Stack, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{TYPE_PREFIX}:azure:Image", node.name, None, opts)
        # It takes minutes until role assignments take effect, and Azure refuses to create a job whose image or keys
        # cannot be read. Meanwhile, the image is built.
        needed = cluster.identities[node.account].grants
        # A registry that is deleted takes its images with it.
        own = pulumi.ResourceOptions.merge(
            pulumi.ResourceOptions(parent=self, deleted_with=cluster.registry), alias_in_region(node)
        )
        after = pulumi.ResourceOptions(depends_on=needed)
        if node.build.docker:
            images = DockerImages(node, cluster.registry.login_server, own)
            after = pulumi.ResourceOptions(parent=self, depends_on=[images, *needed])
            self.image = build_image(node, build_repository_url(node, cluster), create_login(cluster), stack, after)
        else:
            self.image = ImageBuild(node, cluster, stack, pulumi.ResourceOptions.merge(own, after)).image
        self.register_outputs({"image": self.image})
