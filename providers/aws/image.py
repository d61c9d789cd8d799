"""A node's image, built by CodeBuild in the user's own account: no Docker on the user's machine.

The source goes to the cluster's bucket, the build is told by variables what to make of it, its log is followed while it
runs, and the registry says which digest came out. Tags are immutable and stand for source and build arguments, so a tag
that is there is the image that is wanted.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from typing import Any

import pulumi
import pulumi_aws as aws
from botocore.exceptions import BotoCoreError, ClientError

from nodefile import Node
from providers.aws import names, roles
from providers.aws.cluster import Cluster
from providers.aws.login import login
from providers.aws.session import Session
from providers.build import BuildFailed, ImageBuildProvider, build_arguments, context_of, source_inputs
from providers.build import ImageBuild as SharedBuild
from providers.contract import TYPE_PREFIX, Stack
from providers.local_build import build_image

KEPT_IMAGES = 10
_POLL_SECONDS = 3.0
_MAX_SECONDS = 2 * 3600
_LAST_LINES = 30
# Builds of one image while the builder's role is too new to be known everywhere; looks' worth of waiting between tries.
_TRIES, _PAUSE = 4, 5
_FROM = re.compile(
    r"^\s*FROM\s+(?:--\S+\s+)*([a-z0-9][a-z0-9._-]*(?::[\w.-]+)?)\s*(?:AS\s+(\S+)\s*)?$", re.IGNORECASE | re.MULTILINE
)


class _DeniedError(BuildFailed):
    """The builder's role may not do what it was given the right to: worth another try while the role is new."""


class CodeBuildProvider(ImageBuildProvider):
    """Uploads to the cluster's bucket, starts a build, follows it, asks the registry for the digest."""

    poll_seconds = _POLL_SECONDS

    def _client(self, props: dict[str, Any], service: str) -> Any:
        config = getattr(self, "config", None)
        return Session(config.get if config else lambda _: None, props["region"]).client(service)

    def _build(self, props: dict[str, Any]) -> dict[str, Any]:
        try:
            digest = self._existing(props)
            if digest is None:
                return self._built(props)
        except (BotoCoreError, ClientError) as error:
            raise BuildFailed(f"the image of {props['node']} could not be built: {error}") from error
        return {**props, "digest": digest, "image": f"{props['repository']}@{digest}"}

    def _built(self, props: dict[str, Any]) -> dict[str, Any]:
        for _ in range(_TRIES - 1):
            try:
                return super()._build(props)
            except _DeniedError as error:
                # IAM takes its time: the first build may start before the role's rights are known everywhere.
                print(f"{props['node']}: {str(error).splitlines()[0]}; trying again", flush=True)
                time.sleep(self.poll_seconds * _PAUSE)
        return super()._build(props)

    def upload(self, props: dict[str, Any], name: str, archive: bytes) -> str:
        key = f"{roles.SOURCES}/{props['node']}/{name}"
        self._client(props, "s3").put_object(Bucket=props["bucket"], Key=key, Body=archive)
        return key

    def start(self, props: dict[str, Any], source: str) -> str:
        dockerfile = context_of(props).dockerfile
        variables = {
            **props["arguments"],
            "ARGUMENT_NAMES": " ".join(sorted(props["arguments"])),
            "BASE_IMAGES": " ".join(official_images(dockerfile.read_text(encoding="utf-8", errors="replace"))),
            "DOCKERFILE": context_of(props).dockerfile_name,
            "PLATFORM": props["platform"],
            "REPOSITORY": props["repository"],
            "SOURCE_BUCKET": props["bucket"],
            "SOURCE_KEY": source,
            "TAG": image_tag(props),
        }
        builds, deadline = self._client(props, "codebuild"), time.monotonic() + _MAX_SECONDS
        while True:
            try:
                started = builds.start_build(
                    projectName=props["project"],
                    environmentVariablesOverride=[
                        {"name": name, "value": value, "type": "PLAINTEXT"}
                        for name, value in variables.items()
                        if value
                    ],
                )
                return str(started["build"]["id"])
            except ClientError as error:
                self._wait_for_a_place(props, error, deadline)

    def _wait_for_a_place(self, props: dict[str, Any], error: ClientError, deadline: float) -> None:
        """New accounts may run and queue very few builds, one or even none. Raises what waiting does not help with."""
        if error.response["Error"]["Code"] != "AccountLimitExceededException" or time.monotonic() > deadline:
            raise error
        if "more than 0 builds" in str(error):
            raise BuildFailed(
                f"the image of {props['node']} could not be built: AWS lets this account run no builds in "
                f"{props['region']} yet ({error}). New accounts get some after a while; ask for them under Service "
                'Quotas, AWS CodeBuild, "Concurrently running builds for Linux/Small environment", then run '
                "`pulumi up` again."
            ) from error
        time.sleep(self.poll_seconds * _PAUSE)

    def watch(self, props: dict[str, Any], build_id: str) -> str:
        builds, log = self._client(props, "codebuild"), _Log(props, self._client(props, "logs"))
        deadline = time.monotonic() + _MAX_SECONDS
        while time.monotonic() < deadline:
            build = builds.batch_get_builds(ids=[build_id])["builds"][0]
            log.follow(build.get("logs") or {})
            if build["buildStatus"] == "SUCCEEDED":
                digest = self._existing(props)
                if digest is None:
                    raise BuildFailed(f"the build of {props['node']} succeeded but the registry has no such image")
                return digest
            if build["buildStatus"] != "IN_PROGRESS":
                failed = _DeniedError if _denied(build) else BuildFailed
                raise failed(f"the build of {props['node']} ended: {_reason(build)}\n{log.tail()}")
            time.sleep(self.poll_seconds)
        raise BuildFailed(f"the build of {props['node']} took longer than {_MAX_SECONDS // 60} minutes\n{log.tail()}")

    def _existing(self, props: dict[str, Any]) -> str | None:
        """The digest behind the tag, if it is there."""
        try:
            found = self._client(props, "ecr").describe_images(
                repositoryName=props["repositoryName"], imageIds=[{"imageTag": image_tag(props)}]
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ImageNotFoundException":
                return None
            raise
        return str(found["imageDetails"][0]["imageDigest"])


def image_tag(props: dict[str, Any]) -> str:
    """The source's tag and, since they make another image of it, eight digits that stand for the build arguments."""
    said = json.dumps([props["platform"], props["arguments"]], sort_keys=True)
    return f"{props['tag']}-{hashlib.sha256(said.encode()).hexdigest()[:8]}"


def official_images(dockerfile: str) -> list[str]:
    """The base images that Docker itself publishes: names without a registry or a user, and no stage of the file."""
    found = _FROM.findall(dockerfile)
    stages = {stage.lower() for _, stage in found if stage}
    return sorted({name for name, _ in found if name.lower() not in stages and name != "scratch"})


def _reason(build: dict[str, Any]) -> str:
    for phase in build.get("phases") or []:
        for context in phase.get("contexts") or []:
            if context.get("message"):
                return f"{phase['phaseType'].lower()}: {context['message']}"
    return str(build["buildStatus"]).lower()


def _denied(build: dict[str, Any]) -> bool:
    contexts = [context for phase in build.get("phases") or [] for context in phase.get("contexts") or []]
    return any(context.get("statusCode") == "ACCESS_DENIED" for context in contexts)


class _Log:
    """The build's log, which grows while it runs; a log that cannot be had never fails a build."""

    def __init__(self, props: dict[str, Any], client: Any) -> None:
        self._node, self._client = props["node"], client
        self._token, self._lines = "", list[str]()

    def follow(self, where: dict[str, Any]) -> None:
        """Print what is new."""
        if not where.get("groupName") or not where.get("streamName"):
            return
        while True:
            request = {"logGroupName": where["groupName"], "logStreamName": where["streamName"], "startFromHead": True}
            try:
                page = self._client.get_log_events(**request, **({"nextToken": self._token} if self._token else {}))
            except (BotoCoreError, ClientError):
                return
            for event in page["events"]:
                for line in event["message"].rstrip("\n").splitlines():
                    self._lines.append(line)
                    print(f"{self._node}: {line}", flush=True)
            if page["nextForwardToken"] == self._token or not page["events"]:
                self._token = page["nextForwardToken"]
                return
            self._token = page["nextForwardToken"]

    def tail(self) -> str:
        """The last lines."""
        return "\n".join(self._lines[-_LAST_LINES:])


class ImageBuild(SharedBuild, module="prediction-nodes", name="ImageBuild"):
    """A node's build in its repository."""

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
        super().__init__(node.name, CodeBuildProvider(), props, opts)


class Image(pulumi.ComponentResource):
    """A node's repository and the image in it."""

    image: pulumi.Output[str]
    """REPOSITORY@sha256:HEX"""

    def __init__(self, node: Node, cluster: Cluster, stack: Stack, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{TYPE_PREFIX}:aws:Image", node.name, None, opts)
        own = pulumi.ResourceOptions(parent=self)
        self.repository = aws.ecr.Repository(
            node.name,
            name=names.repository(stack.project, stack.name, node.name),
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration=aws.ecr.RepositoryImageScanningConfigurationArgs(scan_on_push=True),
            # Set from the start: it counts as it was at the last `up`, and a node has to go with its images.
            force_delete=True,
            region=cluster.region,
            tags=stack.tags(node),
            opts=own,
        )
        aws.ecr.LifecyclePolicy(
            node.name,
            repository=self.repository.name,
            policy=_keep(KEPT_IMAGES),
            region=cluster.region,
            opts=own,
        )
        if node.build.docker:
            self.image = build_image(node, self.repository.repository_url, login(cluster), stack, own)
        else:
            built = pulumi.ResourceOptions(parent=self, depends_on=cluster.builder.grants)
            self.image = ImageBuild(node, cluster, self.repository, stack, built).image
        self.register_outputs({"image": self.image})


def _keep(count: int) -> str:
    """The newest images stay, tagged or not: among them is the one that is deployed."""
    rule = {
        "rulePriority": 1,
        "description": f"keep the newest {count}",
        "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": count},
        "action": {"type": "expire"},
    }
    return json.dumps({"rules": [rule]}, sort_keys=True, separators=(",", ":"))
