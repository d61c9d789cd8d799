"""A node's image, built by Cloud Build in the user's project, so that the user's machine needs no Docker.

The source is uploaded to the cluster's bucket, the build pushes the image to the cluster's repository under a tag that
is derived from the source, and the digest is read from the build's result.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pulumi
from pulumi import dynamic

from nodefile import Node
from providers.cancellation import cancelled
from providers.component import TYPE_PREFIX, Stack, alias_in_region, name_in_region
from providers.gcp.build_api import CloudLog, call
from providers.gcp.cluster import Cluster
from providers.gcp.login import create_login
from providers.gcp.repositories import DockerImages, delete_images, prune
from providers.images.arguments import build_arguments
from providers.images.build import ImageBuild as SharedBuild
from providers.images.build import ImageBuildProvider, context_of, image_tag, source_inputs
from providers.images.following import BuildFailed, BuildLog, say
from providers.images.local_build import build_image

_BUILDER = "gcr.io/cloud-builders/docker"
_MAX_SECONDS = 3600
_UNDER_WAY = frozenset({"PENDING", "QUEUED", "WORKING"})
_ENDED = frozenset({"FAILURE", "INTERNAL_ERROR", "TIMEOUT", "CANCELLED", "EXPIRED"})
# Errors of builds whose account's permissions have not taken effect yet.
_UNRESOLVED = "does not have storage.objects.get access"
_DENIALS = frozenset({"FETCH_SOURCE_FAILED", "LOGGING_FAILURE", "PUSH_NOT_AUTHORIZED"})
_PAUSE = 7  # the pause between retries, in poll intervals


class _DeniedError(BuildFailed):
    """The build's account was denied an action that its roles allow. A retry may succeed while the roles are new."""


class CloudBuildProvider(ImageBuildProvider):
    """Uploads the source to the cluster's bucket, runs a build and reads the image's digest from its result."""

    max_seconds = _MAX_SECONDS + 600.0
    denied_seconds = 480.0
    """How long a denied build is retried: new permissions take effect after two minutes, sometimes after seven or more
    (cloud.google.com/iam/docs/access-change-propagation)."""

    def request_token(self) -> str:
        from providers.gcp.identity import Identity  # takes 0.1 s to import, and only a long update needs it

        return Identity(self.setting).request_token()

    def find_digest(self, props: dict[str, Any]) -> str | None:
        package = f"{_repository(props)}/packages/{props['node']}"
        url = f"https://artifactregistry.googleapis.com/v1/{package}/tags/{image_tag(props)}"
        tag = call(props, "GET", url, missing_is_fine=True)
        return tag["version"].rpartition("/")[2] if tag else None

    def find_build(self, props: dict[str, Any]) -> str | None:
        tag_filter = quote(f'tags="{_name_build(props)}"')
        try:
            page = call(props, "GET", f"{_builds_url(props)}?filter={tag_filter}")
        except BuildFailed as error:
            say(props, f"could not check whether a build is already running: {error}")
            return None
        for build in page.get("builds") or []:
            # Checked again: if the filter were ignored, another node's build could be taken for this node's.
            if _name_build(props) in (build.get("tags") or []) and build["status"] in _UNDER_WAY:
                return str(build["id"])
        return None

    def upload(self, props: dict[str, Any], name: str, archive: Path) -> str:
        key = f"source/images/{props['node']}/{name}"
        objects = f"https://storage.googleapis.com/upload/storage/v1/b/{props['bucket']}/o"
        url = f"{objects}?uploadType=media&name={quote(key, safe='')}"
        call(props, "POST", url, file=archive, headers={"Content-Type": "application/gzip"})
        return key

    def start(self, props: dict[str, Any], source: str, former: str | None) -> str:
        image = f"{props['repository']}:{image_tag(props)}"
        # Unchanged layers are reused from the previous image, which contains an inline cache.
        options = ["--build-arg", "BUILDKIT_INLINE_CACHE=1", *(["--cache-from", former] if former else [])]
        for name, value in sorted(props["arguments"].items()):
            options += ["--build-arg", f"{name}={value}"]
        dockerfile = context_of(props).dockerfile_name
        build = {
            "source": {"storageSource": {"bucket": props["bucket"], "object": source}},
            "steps": [
                {
                    "name": _BUILDER,
                    # Without the second variable, newer versions of Docker push an index instead of an image.
                    "env": ["DOCKER_BUILDKIT=1", "BUILDX_NO_DEFAULT_ATTESTATIONS=1"],
                    "args": ["build", "--platform", props["platform"], "-f", dockerfile, "-t", image, *options, "."],
                }
            ],
            "images": [image],
            "serviceAccount": f"projects/{props['project']}/serviceAccounts/{props['builder']}",
            # Required for builds that run as a user-managed account.
            "options": {"logging": "CLOUD_LOGGING_ONLY"},
            "timeout": f"{_MAX_SECONDS}s",
            "tags": [f"node-{props['node']}", _name_build(props)],
        }
        try:
            answer = call(props, "POST", _builds_url(props), again_if_lost=False, json=build)
        except BuildFailed as error:
            # Cloud Build reads the source with the build's account before it accepts the build.
            raise (_DeniedError if _UNRESOLVED in str(error) else BuildFailed)(str(error)) from error
        return str(answer["metadata"]["build"]["id"])

    def poll(self, props: dict[str, Any], build_id: str) -> str | None:
        build = call(props, "GET", f"{_builds_url(props)}/{build_id}", again_if_lost=False)
        if build["status"] == "SUCCESS":
            return _read_digest(build)
        if build["status"] in _ENDED:
            failure = build.get("failureInfo") or {}
            reason = failure.get("detail") or build.get("statusDetail") or build["status"]
            kind = _DeniedError if failure.get("type") in _DENIALS else BuildFailed
            raise kind(f"{reason} (its log: {build.get('logUrl', '')})")
        return None

    def cancel(self, props: dict[str, Any], build_id: str) -> None:
        call(props, "POST", f"{_builds_url(props)}/{build_id}:cancel", json={})

    def diff(self, id_: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        # In another region, the new image is built before the node moves and the old images are deleted.
        if olds.get("repository") != news["repository"]:
            return dynamic.DiffResult(changes=True, replaces=["repository"])
        return super().diff(id_, olds, news)

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        delete_images(_repository(props), props["node"], self.setting, tagged=True)

    def delete_old(self, props: dict[str, Any], kept: set[str]) -> None:
        prune(_repository(props), props["node"], props["token"], kept)

    def log(self, props: dict[str, Any], build_id: str) -> BuildLog:
        return CloudLog(props, build_id)

    def _find_or_build(self, props: dict[str, Any], former: str | None) -> str:
        deadline = time.monotonic() + self.denied_seconds
        while True:
            try:
                return super()._find_or_build(props, former)
            except _DeniedError as error:
                if time.monotonic() > deadline:
                    raise
                say(
                    props, f"{str(error).splitlines()[0]}; trying again, as new permissions take minutes to take effect"
                )
                cancelled.wait(self.poll_seconds * _PAUSE)


def _repository(props: dict[str, Any]) -> str:
    """Return the repository's name in Artifact Registry's API."""
    name = props["repository"].split("/")[-2]
    return f"projects/{props['project']}/locations/{props['region']}/repositories/{name}"


def _builds_url(props: dict[str, Any]) -> str:
    return f"https://cloudbuild.googleapis.com/v1/projects/{props['project']}/locations/{props['region']}/builds"


def _name_build(props: dict[str, Any]) -> str:
    """Return the tag that identifies a build of this image."""
    return f"{props['node']}-{image_tag(props)}"


def _read_digest(build: dict[str, Any]) -> str:
    for image in (build.get("results") or {}).get("images") or []:
        if image.get("digest"):
            return str(image["digest"])
    raise BuildFailed("it succeeded but reports no image; run `pulumi up` again")


def build_repository_url(node: Node, cluster: Cluster) -> pulumi.Output[str]:
    """Return the URL of a node's package in the cluster's repository."""
    return pulumi.Output.concat(cluster.images_url, "/", node.name)


class ImageBuild(SharedBuild, module="prediction-nodes", name="ImageBuild"):
    """The build of a node's image, which is pushed to the cluster's repository."""

    def __init__(self, node: Node, cluster: Cluster, stack: Stack, opts: pulumi.ResourceOptions) -> None:
        props = {
            **source_inputs(node),
            "repository": build_repository_url(node, cluster),
            "bucket": cluster.bucket.name,
            "project": cluster.project,
            "region": cluster.region,
            "builder": cluster.builder.account.email,
            "arguments": build_arguments(node, stack.model_ids[node.name]),
            "token": cluster.token,
        }
        super().__init__(name_in_region(node), "gcp-image", props, opts)


class Image(pulumi.ComponentResource):
    """A node's image in the cluster's repository."""

    image: pulumi.Output[str]
    """REPOSITORY@sha256:HEX"""

    def __init__(self, node: Node, cluster: Cluster, stack: Stack, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{TYPE_PREFIX}:gcp:Image", node.name, None, opts)
        # A repository that is deleted takes its images with it.
        own = pulumi.ResourceOptions.merge(
            pulumi.ResourceOptions(parent=self, deleted_with=cluster.images), alias_in_region(node)
        )
        if node.build.docker:
            images = DockerImages(node, cluster.images.id, own)
            after = pulumi.ResourceOptions(parent=self, depends_on=[images])
            self.image = build_image(node, build_repository_url(node, cluster), create_login(cluster), stack, after)
        else:
            after = pulumi.ResourceOptions(depends_on=list(cluster.builder.grants))
            self.image = ImageBuild(node, cluster, stack, pulumi.ResourceOptions.merge(own, after)).image
        self.register_outputs({"image": self.image})
