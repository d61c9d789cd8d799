"""A node's image, built by CodeBuild in the user's own account: no Docker on the user's machine.

The source goes to the cluster's bucket, the build is told by variables what to make of it, its log is followed while it
runs, and the registry says which digest came out. Tags are immutable and stand for source and build arguments, so a tag
that is there is the image that is wanted.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
from botocore.exceptions import BotoCoreError, ClientError

from nodefile import Node
from providers.aws import names, roles
from providers.aws.builder import BUILD_MINUTES, QUEUE_MINUTES
from providers.aws.cluster import Cluster
from providers.aws.login import login
from providers.aws.session import Session
from providers.cancellation import cancelled
from providers.contract import TYPE_PREFIX, Stack
from providers.images.arguments import build_arguments
from providers.images.build import ImageBuild as SharedBuild
from providers.images.build import ImageBuildProvider, context_of, image_tag, source_inputs
from providers.images.dockerfile import parse
from providers.images.following import BuildFailed, BuildLog, Unanswered, say
from providers.images.local_build import build_image
from providers.images.stages import bases

KEPT_IMAGES = 10
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
# Builds of one image while the builder's role is too new to be known everywhere; looks' worth of waiting between tries.
_TRIES, _PAUSE = 4, 5
_OFFICIAL = re.compile(r"[a-z0-9][a-z0-9._-]*(?::[\w.-]+)?", re.IGNORECASE)


class _DeniedError(BuildFailed):
    """The builder's role may not do what it was given the right to: worth another try while the role is new."""


class CodeBuildProvider(ImageBuildProvider):
    """Uploads to the cluster's bucket, starts a build, looks at it, asks the registry for the digest."""

    client_errors = (BotoCoreError, ClientError)
    # A build of the project ends by itself before that, its wait in the queue included.
    max_seconds = (BUILD_MINUTES + QUEUE_MINUTES + 10) * 60.0

    def client(self, props: dict[str, Any], service: str, fresh: bool = False) -> Any:
        """A client of a service in the node's region; `fresh` signs with credentials that are fetched anew."""
        key = (props["region"], service)
        known: dict[tuple[str, str], Any] = self.__dict__.setdefault("_clients", {})
        if fresh or key not in known:
            known[key] = Session(self.setting, props["region"]).client(service)
        return known[key]

    def find(self, props: dict[str, Any]) -> str | None:
        try:
            found = self.client(props, "ecr").describe_images(
                repositoryName=props["repositoryName"], imageIds=[{"imageTag": image_tag(props)}]
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ImageNotFoundException":
                return None
            raise
        return str(found["imageDetails"][0]["imageDigest"])

    def running(self, props: dict[str, Any]) -> str | None:
        builds = self.client(props, "codebuild")
        try:
            ids = builds.list_builds_for_project(projectName=props["project"], sortOrder="DESCENDING")["ids"]
        except ClientError as error:
            say(props, f"whether a build runs already is not known: {error}")
            return None
        wanted = {"REPOSITORY": props["repository"], "TAG": image_tag(props)}
        for build in builds.batch_get_builds(ids=ids)["builds"] if ids else []:
            given = {each["name"]: each["value"] for each in build["environment"]["environmentVariables"]}
            if build["buildStatus"] == "IN_PROGRESS" and wanted.items() <= given.items():
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
            "BASE_IMAGES": " ".join(official_images(dockerfile, props["arguments"])),
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
                    # boto3 repeats a call that was not answered: with one token it is one build.
                    idempotencyToken=secrets.token_hex(16),
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
        if cancelled.wait(self.poll_seconds * _PAUSE):
            raise BuildFailed(f"{props['node']} was not built, since the update was cancelled") from error

    def look(self, props: dict[str, Any], build_id: str) -> str | None:
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
            digest = self.find(props)
            if digest is None:
                raise BuildFailed("it succeeded but the registry has no such image; run `pulumi up` again")
            return digest
        if build["buildStatus"] != "IN_PROGRESS":
            raise (_DeniedError if _denied(build) else BuildFailed)(_reason(build))
        return None

    def cancel(self, props: dict[str, Any], build_id: str) -> None:
        self.client(props, "codebuild").stop_build(id=build_id)

    def log(self, props: dict[str, Any], build_id: str) -> BuildLog:
        return _Log(self, props, build_id)

    def _made(self, props: dict[str, Any], former: str | None) -> str:
        for _ in range(_TRIES - 1):
            try:
                return super()._made(props, former)
            except _DeniedError as error:
                # IAM takes its time: the first build may start before the role's rights are known everywhere.
                say(props, f"{str(error).splitlines()[0]}; trying again")
                cancelled.wait(self.poll_seconds * _PAUSE)
        return super()._made(props, former)


def official_images(dockerfile: str, arguments: Mapping[str, str]) -> list[str]:
    """The base images that Docker itself publishes: names without a registry or a user."""
    images = bases(parse(dockerfile), arguments).values()
    return sorted({image for image in images if _OFFICIAL.fullmatch(image)})


def _reason(build: dict[str, Any]) -> str:
    for phase in build.get("phases") or []:
        for context in phase.get("contexts") or []:
            if context.get("message"):
                return f"{phase['phaseType'].lower()}: {context['message']}"
    return str(build["buildStatus"]).lower()


def _denied(build: dict[str, Any]) -> bool:
    contexts = [context for phase in build.get("phases") or [] for context in phase.get("contexts") or []]
    return any(context.get("statusCode") == "ACCESS_DENIED" for context in contexts)


class _Log(BuildLog):
    """The build's stream in CloudWatch."""

    lag_seconds = 2.0

    def __init__(self, provider: CodeBuildProvider, props: dict[str, Any], build_id: str) -> None:
        self._provider, self._props, self._id = provider, props, build_id
        self._where: dict[str, str] = {}
        self._token = ""

    def new_lines(self, last: bool = False) -> list[str]:
        """The events since the last page."""
        lines: list[str] = []
        try:
            while self._known():
                more = {"nextToken": self._token} if self._token else {}
                logs = self._provider.client(self._props, "logs")
                page = logs.get_log_events(**self._where, startFromHead=True, **more)
                lines += [line for event in page["events"] for line in event["message"].rstrip("\n").splitlines()]
                ended = page["nextForwardToken"] == self._token or not page["events"]
                self._token = page["nextForwardToken"]
                if ended:
                    break
        except (BotoCoreError, ClientError):
            pass
        return lines

    def _known(self) -> bool:
        """Where the log is, which the build says once it has begun."""
        if not self._where:
            build = self._provider.client(self._props, "codebuild").batch_get_builds(ids=[self._id])["builds"][0]
            found = build.get("logs") or {}
            if found.get("groupName") and found.get("streamName"):
                self._where = {"logGroupName": found["groupName"], "logStreamName": found["streamName"]}
        return bool(self._where)


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
        super().__init__(node.name, "aws-image", props, opts)


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
