"""The common part of the three clouds' image builds: a dynamic resource for each node, a build for each source digest.

A cloud's `image.py` subclasses `ImageBuildProvider` with a few steps (find the image, upload the context, start the
build, poll it, cancel it) and `ImageBuild` with its own inputs. A preview builds nothing. An image that the registry
already has is not built again, and a build that another `up` left running is followed (`following`).
"""

from __future__ import annotations

import abc
import hashlib
import json
import math
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import pulumi
from pulumi import dynamic

from nodefile import Node
from providers.cancellation import cancelled
from providers.images.arguments import make_context, make_relative, select_arguments
from providers.images.context import BuildContext, ContextError
from providers.images.following import Builder, BuildFailed, Unanswered, follow, say
from providers.operations import OperationsError
from providers.resource import Provider, Resource

# Inputs that do not affect the image, such as short-lived tokens.
_NOT_COMPARED = frozenset({"token", "context", "dockerfile", "__provider", "digest", "image"})
PLATFORM = "linux/amd64"
_STARTS = 4
# The program's token is valid for about an hour, and the images of a large fleet take longer.
_TOKEN_SECONDS = 1800.0


class ImageBuildProvider(Provider, Builder, abc.ABC):
    """Builds an image. `props` are the inputs of `ImageBuild`, all known."""

    token_seconds = _TOKEN_SECONDS
    _began = math.inf

    def configure(self, req: dynamic.ConfigureRequest) -> None:
        """Also note the time: the tokens in the inputs are at least as old."""
        super().configure(req)
        self._began = time.monotonic()

    def request_token(self) -> str | None:
        """Return a new token of the deploying identity, if the inputs have one. Raises OperationsError."""
        return None

    @abc.abstractmethod
    def find_digest(self, props: dict[str, Any]) -> str | None:
        """Find the digest of this source's image in the registry."""

    def find_build(self, _props: dict[str, Any]) -> str | None:
        """Find the id of a running build of this source, if the cloud can list builds."""
        return None

    @abc.abstractmethod
    def upload(self, props: dict[str, Any], name: str, archive: Path) -> str:
        """Store the context archive (.tar.gz) under `name`, and return its location for `start`."""

    @abc.abstractmethod
    def start(self, props: dict[str, Any], source: str, former: str | None) -> str:
        """Start the build of `source` and return its id. It may reuse layers of `former`, the node's previous image.

        Raises Unanswered if it is unknown whether the build was started.
        """

    def delete_old(self, props: dict[str, Any], kept: set[str]) -> None:
        """Delete old images except `kept` (digests), unless the registry does so itself. Must not raise."""

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> dynamic.CheckResult:
        try:
            context_of(news).check()
        except ContextError as error:
            return dynamic.CheckResult(news, [dynamic.CheckFailure("context", str(error))])
        return dynamic.CheckResult(news, [])

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        changed = [key for key in news if key not in _NOT_COMPARED and olds.get(key) != news[key]]
        return dynamic.DiffResult(changes=bool(changed))

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        return dynamic.CreateResult(f"{props['repository']}:{props['tag']}", self._build(props, {}))

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.UpdateResult:
        return dynamic.UpdateResult(self._build(news, olds))

    def _build(self, props: dict[str, Any], olds: dict[str, Any]) -> dict[str, Any]:
        former = olds["image"] if olds.get("repository") == props["repository"] else None
        inputs, props = props, self._renew_token(props)
        try:
            digest = self._find_or_build(props, former)
            kept = {digest, *([former.rpartition("@")[2]] if former else [])}
            self.delete_old(props, kept)
        except self.client_errors as error:
            raise BuildFailed(f"the image of {props['node']} could not be built: {error}") from error
        return {**inputs, "digest": digest, "image": f"{props['repository']}@{digest}"}

    def _renew_token(self, props: dict[str, Any]) -> dict[str, Any]:
        """Return the inputs with a new token if theirs may expire during the build."""
        if time.monotonic() - self._began < self.token_seconds:
            return props
        try:
            token = self.request_token()
        except OperationsError as error:
            say(props, f"there is no new token, and that of this `up` may expire during the build: {error}")
            return props
        return {**props, "token": token} if token else props

    def _find_or_build(self, props: dict[str, Any], former: str | None) -> str:
        """Return the digest of this source's image. Build it if the registry does not have it."""
        # In this order: if a build ends between the two questions, the second one finds its image.
        build_id = self.find_build(props)
        if build_id is not None:
            say(props, f"following build {build_id} of this source, which is already running")
            return follow(self, props, build_id)
        digest = self.find_digest(props)
        if digest is not None:
            say(props, f"the image of this source already exists: {digest}")
            return digest
        source = self._upload_context(props)
        unanswered: Unanswered | None = None
        for _ in range(_STARTS):
            _check_cancellation(props)
            try:
                return follow(self, props, self.start(props, source, former))
            except Unanswered as error:
                unanswered = error
                say(props, f"{error}; trying again")
            # The build may have started, or even finished, although there was no answer.
            cancelled.wait(self.poll_seconds)
            build_id = self.find_build(props)
            if build_id is not None:
                return follow(self, props, build_id)
            digest = self.find_digest(props)
            if digest is not None:
                return digest
        raise BuildFailed(f"the build of {props['node']} could not be started: {unanswered}. Run `pulumi up` again.")

    def _upload_context(self, props: dict[str, Any]) -> str:
        context = context_of(props)
        with tempfile.TemporaryDirectory(prefix="prediction-nodes-") as scratch:
            archive = Path(scratch, "context.tar.gz")
            with archive.open("wb") as target:
                packed = context.pack(target)
            if packed != props["sourceDigest"]:
                raise BuildFailed(f"{props['context']} changed while `up` was running; run `pulumi up` again")
            _check_cancellation(props)
            note = "" if context.ignore_file else ", without .git, __pycache__ and the like (no .dockerignore)"
            mebibytes = archive.stat().st_size / 2**20
            say(props, f"sending {len(context.files)} files, {mebibytes:.1f} MiB compressed{note}")
            return self.upload(props, f"{props['sourceDigest']}.tar.gz", archive)


def _check_cancellation(props: dict[str, Any]) -> None:
    if cancelled.is_set():
        raise BuildFailed(f"{props['node']} was not built, since the update was cancelled")


def image_tag(props: dict[str, Any]) -> str:
    """Return the source's tag with eight digits of a hash over the platform and the build arguments."""
    variant = json.dumps([props["platform"], props["arguments"]], sort_keys=True)
    return f"{props['tag']}-{hashlib.sha256(variant.encode()).hexdigest()[:8]}"


def context_of(props: dict[str, Any]) -> BuildContext:
    """Return the build context of a build's inputs, whose paths are relative to the program's folder."""
    # Links are not resolved: a Dockerfile may be a link to a file outside the context.
    root, dockerfile = (Path(os.path.abspath(props[key])) for key in ("context", "dockerfile"))  # noqa: PTH100
    return BuildContext(root, dockerfile, select_arguments(props.get("arguments") or {}))


def source_inputs(node: Node) -> dict[str, str]:
    """Return the inputs that depend on the source: sourceDigest, tag (unique for it), relative paths and platform."""
    try:
        digest = make_context(node).digest
    except ContextError as error:
        raise pulumi.RunError(f"{node.name}: {error}") from None
    folder = Path.cwd()
    return {
        "node": node.name,
        "sourceDigest": digest,
        "tag": digest[:24],
        "context": make_relative(node.context, folder),
        "dockerfile": make_relative(node.dockerfile, folder),
        "platform": PLATFORM,
    }


class ImageBuild(Resource, module="prediction-nodes", name="ImageBuild"):
    """A built image. Each cloud's subclass sets the provider; `props` must contain `source_inputs` and `repository`."""

    digest: pulumi.Output[str]
    """sha256:HEX"""
    image: pulumi.Output[str]
    """REPOSITORY@sha256:HEX"""

    def __init__(self, name: str, kind: str, props: dict[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(kind, name, {**props, "digest": None, "image": None}, opts)
