"""A node's image, built by CodeBuild in the user's account, so that the user's machine needs no Docker.

The source is uploaded to the cluster's bucket, environment variables configure the build, its log is followed while it
runs, and the registry returns the image's digest. Tags are immutable and derived from the source and the build
arguments, so an existing tag means that the image needs no build.
"""

from __future__ import annotations

import json
import re
import secrets
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
from botocore.exceptions import BotoCoreError, ClientError

from nodefile import Node
from providers.aws import names, roles
from providers.aws.build_report import StreamLog, explain_failure, is_denied
from providers.aws.builder import BUILD_MINUTES, QUEUE_MINUTES
from providers.aws.cluster import Cluster
from providers.aws.login import create_login
from providers.cancellation import cancelled
from providers.component import TYPE_PREFIX, Stack, alias_in_region, name_in_region
from providers.images.arguments import build_arguments
from providers.images.build import ImageBuild as SharedBuild
from providers.images.build import ImageBuildProvider, context_of, image_tag, source_inputs
from providers.images.dockerfile import parse
from providers.images.following import BuildFailed, BuildLog, Unanswered, say
from providers.images.local_build import build_image
from providers.images.stages import find_bases

KEPT_IMAGES = 10
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
# How often a build is tried while the permissions of a new role take effect, and the pause between retries, in poll
# intervals.
_TRIES, _PAUSE = 4, 5
_OFFICIAL = re.compile(r"[a-z0-9][a-z0-9._-]*(?::[\w.-]+)?", re.IGNORECASE)


class _DeniedError(BuildFailed):
    """The builder's role was denied an action that its policy allows. A retry may succeed while the role is new."""


class CodeBuildProvider(ImageBuildProvider):
    """Uploads the source to the cluster's bucket, runs a build and reads the image's digest from the registry."""

    client_errors = (BotoCoreError, ClientError)
    # Longer than the project's own limits for a build and its time in the queue.
    max_seconds = (BUILD_MINUTES + QUEUE_MINUTES + 10) * 60.0

    def __init__(self) -> None:
        self._lock, self._clients = threading.Lock(), dict[tuple[str, str], Any]()

    def client(self, props: dict[str, Any], service: str, fresh: bool = False) -> Any:
        """Return a client of a service in the node's region. `fresh` replaces it by one with new credentials."""
        key = (props["region"], service)
        # Many builds begin at the same time, and a client takes longer to create than its first call.
        with self._lock:
            if fresh or key not in self._clients:
                # The program registers the builds and needs no boto3, which has 8 MiB and takes 60 ms to import.
                from providers.aws.session import Session

                self._clients[key] = Session(self.setting, props["region"]).client(service)
            return self._clients[key]

    def find_digest(self, props: dict[str, Any]) -> str | None:
        try:
            answer = self.client(props, "ecr").describe_images(
                repositoryName=props["repositoryName"], imageIds=[{"imageTag": image_tag(props)}]
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ImageNotFoundException":
                return None
            raise
        return str(answer["imageDetails"][0]["imageDigest"])

    def find_build(self, props: dict[str, Any]) -> str | None:
        builds = self.client(props, "codebuild")
        try:
            ids = builds.list_builds_for_project(projectName=props["project"], sortOrder="DESCENDING")["ids"]
        except ClientError as error:
            say(props, f"could not check whether a build is already running: {error}")
            return None
        own = {"REPOSITORY": props["repository"], "TAG": image_tag(props)}
        for build in builds.batch_get_builds(ids=ids)["builds"] if ids else []:
            variables = {entry["name"]: entry["value"] for entry in build["environment"]["environmentVariables"]}
            if build["buildStatus"] == "IN_PROGRESS" and own.items() <= variables.items():
                return str(build["id"])
        return None

    def upload(self, props: dict[str, Any], name: str, archive: Path) -> str:
        key = f"{roles.SOURCES}/{props['node']}/{name}"
        self.client(props, "s3").upload_file(str(archive), props["bucket"], key)
        return key

    def start(self, props: dict[str, Any], source: str, former: str | None) -> str:
        dockerfile = context_of(props).dockerfile.read_text(encoding="utf-8", errors="replace")
        variables = {
            **props["arguments"],
            "ARGUMENT_NAMES": " ".join(sorted(props["arguments"])),
            "BASE_IMAGES": " ".join(list_official_images(dockerfile, props["arguments"])),
            "DOCKERFILE": context_of(props).dockerfile_name,
            "FORMER": former or "",
            "PLATFORM": props["platform"],
            "REPOSITORY": props["repository"],
            "SOURCE_BUCKET": props["bucket"],
            "SOURCE_KEY": source,
            "TAG": image_tag(props),
        }
        builds, deadline = self.client(props, "codebuild"), time.monotonic() + self.max_seconds
        while True:
            try:
                started = builds.start_build(
                    projectName=props["project"],
                    environmentVariablesOverride=[
                        {"name": name, "value": value, "type": "PLAINTEXT"}
                        for name, value in variables.items()
                        if value
                    ],
                    # boto3 retries unanswered calls. The token makes sure that they start only one build.
                    idempotencyToken=secrets.token_hex(16),
                )
                return str(started["build"]["id"])
            except ClientError as error:
                self._await_capacity(props, error, deadline)

    def _await_capacity(self, props: dict[str, Any], error: ClientError, deadline: float) -> None:
        """Wait if too many builds run or wait. Raises other errors, and BuildFailed if waiting does not help.

        New accounts may run and queue very few builds: one, or even none.
        """
        if error.response["Error"]["Code"] != "AccountLimitExceededException" or time.monotonic() > deadline:
            raise error
        if "more than 0 builds" in str(error):
            raise BuildFailed(
                f"the image of {props['node']} could not be built: AWS does not let this account run builds in "
                f"{props['region']} yet ({error}). Request an increase under Service Quotas, AWS CodeBuild, "
                '"Concurrently running builds for Linux/Small environment", then run `pulumi up` again.'
            ) from error
        if cancelled.wait(self.poll_seconds * _PAUSE):
            raise BuildFailed(f"the image of {props['node']} was not built: the update was cancelled") from error

    def poll(self, props: dict[str, Any], build_id: str) -> str | None:
        try:
            build = self.client(props, "codebuild").batch_get_builds(ids=[build_id])["builds"][0]
        except BotoCoreError as error:
            raise Unanswered(str(error)) from error
        except ClientError as error:
            if error.response["Error"]["Code"] in _EXPIRED:
                for service in ("codebuild", "logs", "ecr"):
                    self.client(props, service, fresh=True)
                raise Unanswered(str(error)) from error
            if error.response["ResponseMetadata"].get("HTTPStatusCode", 500) >= 500 or "Throttl" in str(error):
                raise Unanswered(str(error)) from error
            raise
        if build["buildStatus"] == "SUCCEEDED":
            digest = self.find_digest(props)
            if digest is None:
                raise BuildFailed("it succeeded, but the registry does not have the image; run `pulumi up` again")
            return digest
        if build["buildStatus"] != "IN_PROGRESS":
            raise (_DeniedError if is_denied(build) else BuildFailed)(explain_failure(build))
        return None

    def cancel(self, props: dict[str, Any], build_id: str) -> None:
        self.client(props, "codebuild").stop_build(id=build_id)

    def log(self, props: dict[str, Any], build_id: str) -> BuildLog:
        return StreamLog(lambda service: self.client(props, service), build_id)

    def _find_or_build(self, props: dict[str, Any], former: str | None) -> str:
        for _ in range(_TRIES - 1):
            try:
                return super()._find_or_build(props, former)
            except _DeniedError as error:
                # The first build may start before the permissions of the new role take effect.
                say(props, f"{str(error).splitlines()[0]}; trying again")
                cancelled.wait(self.poll_seconds * _PAUSE)
        return super()._find_or_build(props, former)


def list_official_images(dockerfile: str, arguments: Mapping[str, str]) -> list[str]:
    """Return the base images that Docker publishes: those whose names contain no registry and no user."""
    images = find_bases(parse(dockerfile), arguments).values()
    return sorted({image for image in images if _OFFICIAL.fullmatch(image)})


class ImageBuild(SharedBuild, module="prediction-nodes", name="ImageBuild"):
    """The build of a node's image, which is pushed to the node's repository."""

    def __init__(
        self,
        node: Node,
        cluster: Cluster,
        repository: aws.ecr.Repository,
        stack: Stack,
        opts: pulumi.ResourceOptions,
    ) -> None:
        props = {
            **source_inputs(node),
            "repository": repository.repository_url,
            "repositoryName": repository.name,
            "region": cluster.region,
            "bucket": cluster.bucket.bucket,
            "project": cluster.builder.project.name,
            "arguments": build_arguments(node, stack.model_ids[node.name]),
        }
        super().__init__(node.name, "aws-image", props, opts)


class Image(pulumi.ComponentResource):
    """A node's image and its repository."""

    image: pulumi.Output[str]
    """REPOSITORY@sha256:HEX"""

    def __init__(self, node: Node, cluster: Cluster, stack: Stack, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{TYPE_PREFIX}:aws:Image", node.name, None, opts)
        own, name = pulumi.ResourceOptions(parent=self), name_in_region(node)
        regional = pulumi.ResourceOptions.merge(own, alias_in_region(node))
        self.repository = aws.ecr.Repository(
            name,
            name=names.name_repository(stack.project, stack.name, node.name),
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration=aws.ecr.RepositoryImageScanningConfigurationArgs(scan_on_push=True),
            # Must be set before deletion: the provider uses the last applied value, and ECR deletes a repository with
            # images only if this is set.
            force_delete=True,
            region=cluster.region,
            tags=stack.tags(node),
            opts=regional,
        )
        aws.ecr.LifecyclePolicy(
            name,
            repository=self.repository.name,
            policy=_write_lifecycle_policy(KEPT_IMAGES),
            region=cluster.region,
            opts=regional,
        )
        if node.build.docker:
            self.image = build_image(node, self.repository.repository_url, create_login(cluster), stack, own)
        else:
            granted = pulumi.ResourceOptions(parent=self, depends_on=cluster.builder.grants)
            self.image = ImageBuild(node, cluster, self.repository, stack, granted).image
        self.register_outputs({"image": self.image})


def _write_lifecycle_policy(count: int) -> str:
    """Return a lifecycle policy that keeps the newest images, tagged or not. The deployed image is among them."""
    rule = {
        "rulePriority": 1,
        "description": f"keep the newest {count}",
        "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": count},
        "action": {"type": "expire"},
    }
    return json.dumps({"rules": [rule]}, sort_keys=True, separators=(",", ":"))
