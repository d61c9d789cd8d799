"""What the image builds of the three clouds share: one dynamic resource per node, one build per source digest.

A cloud's `image.py` subclasses `ImageBuildProvider` with three steps (upload the context, start the build, watch it
until it has a digest) and `ImageBuild` with its own inputs. Nothing runs in a preview; the same source is neither
uploaded nor built again; the build's log is streamed into the engine's output.
"""

from __future__ import annotations

import abc
import os
from pathlib import Path
from typing import Any

import pulumi
from pulumi import dynamic

from nodefile import Node
from providers.context import BuildContext, ContextError
from providers.refusal import Refusal

# Inputs that say how to reach the cloud, not what to build: short-lived tokens above all.
_NOT_COMPARED = frozenset({"token", "context", "dockerfile", "__provider", "digest", "image"})
PLATFORM = "linux/amd64"


class BuildFailed(Refusal):
    """The build ended without an image; the text is the reason followed by the log's last lines."""


class ImageBuildProvider(dynamic.ResourceProvider, abc.ABC):
    """One image build. `props` are the inputs of `ImageBuild` (all plain values by now)."""

    serialize_as_secret_always = False
    config: dynamic.Config

    def configure(self, req: dynamic.ConfigureRequest) -> None:
        """Keep the stack's configuration (aws:profile and its like) for the clients that subclasses make."""
        self.config = req.config

    @abc.abstractmethod
    def upload(self, props: dict[str, Any], name: str, archive: bytes) -> str:
        """Store the context archive (.tar.gz) under `name` and return what `start` needs to find it."""

    @abc.abstractmethod
    def start(self, props: dict[str, Any], source: str) -> str:
        """Start the build of `source` and return its id."""

    @abc.abstractmethod
    def watch(self, props: dict[str, Any], build_id: str) -> str:
        """Follow the build, logging its progress, and return the image's digest (sha256:HEX). Raises BuildFailed."""

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
        return dynamic.CreateResult(f"{props['repository']}:{props['tag']}", self._build(props))

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> dynamic.UpdateResult:
        return dynamic.UpdateResult(self._build(news))

    def _build(self, props: dict[str, Any]) -> dict[str, Any]:
        context = context_of(props)
        if context.digest != props["sourceDigest"]:
            raise BuildFailed(f"{props['context']} changed while `up` was running; run `pulumi up` again")
        source = self.upload(props, f"{props['sourceDigest']}.tar.gz", context.archive())
        digest = self.watch(props, self.start(props, source))
        return {**props, "digest": digest, "image": f"{props['repository']}@{digest}"}


def context_of(props: dict[str, Any]) -> BuildContext:
    """The build context that a build's inputs name, relative to the program's folder."""
    return BuildContext(Path(props["context"]).resolve(), Path(props["dockerfile"]).resolve())


def source_inputs(node: Node) -> dict[str, str]:
    """What a build's source decides of its inputs: sourceDigest, tag (unique to it), context, dockerfile (relative)."""
    context = BuildContext(node.context, node.dockerfile)
    here = Path.cwd()
    return {
        "node": node.name,
        "sourceDigest": context.digest,
        "tag": context.digest[:24],
        "context": _relative(node.context, here),
        "dockerfile": _relative(node.dockerfile, here),
        "platform": PLATFORM,
    }


def build_arguments(node: Node, model_id: pulumi.Input[str]) -> dict[str, pulumi.Input[str]]:
    """Build arguments that Dockerfiles written for numerai-cli expect; keys are never among them."""
    return {"SRC_PATH": _relative(node.source, node.context), "MODEL_ID": model_id}


def _relative(path: Path, start: Path) -> str:
    return Path(os.path.relpath(path, start)).as_posix()


class ImageBuild(dynamic.Resource, module="prediction-nodes", name="ImageBuild"):
    """A built image. Each cloud subclasses it with its provider; `props` must hold `source_inputs` and `repository`."""

    digest: pulumi.Output[str]
    """sha256:HEX"""
    image: pulumi.Output[str]
    """REPOSITORY@sha256:HEX"""

    def __init__(
        self, name: str, provider: ImageBuildProvider, props: dict[str, Any], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(provider, name, {**props, "digest": None, "image": None}, opts)
