"""What the image builds of the three clouds share: one dynamic resource per node, one build per source digest.

A cloud's `image.py` subclasses `ImageBuildProvider` with a few steps (find the image, upload the context, start the
build, look at it, cancel it) and `ImageBuild` with its own inputs. Nothing runs in a preview; what the registry has, or
what another `up` left running, is neither uploaded nor built again; `following` does the watching.
"""

from __future__ import annotations

import abc
import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import pulumi
from pulumi import dynamic

from nodefile import Node
from providers.cancellation import cancelled
from providers.images.arguments import context_of_node, copied_with, relative
from providers.images.context import BuildContext, ContextError
from providers.images.following import Builder, BuildFailed, Unanswered, follow, say
from providers.resource import Provider, Resource

# Inputs that say how to reach the cloud, not what to build: short-lived tokens above all.
_NOT_COMPARED = frozenset({"token", "context", "dockerfile", "__provider", "digest", "image"})
PLATFORM = "linux/amd64"
_STARTS = 4


class ImageBuildProvider(Provider, Builder, abc.ABC):
    """One image build. `props` are the inputs of `ImageBuild` (all plain values by now)."""

    @abc.abstractmethod
    def find(self, props: dict[str, Any]) -> str | None:
        """The digest of this very source's image, if the registry has it."""

    def running(self, _props: dict[str, Any]) -> str | None:
        """The id of a build of this very source that runs already, where the cloud can tell."""
        return None

    @abc.abstractmethod
    def upload(self, props: dict[str, Any], name: str, archive: Path) -> str:
        """Store the context archive (.tar.gz) under `name` and return what `start` needs to find it."""

    @abc.abstractmethod
    def start(self, props: dict[str, Any], source: str, former: str | None) -> str:
        """Start the build of `source` and return its id; layers may come from `former`, the image before this one.

        Raises Unanswered where it is not known whether it was started.
        """

    def tidy(self, props: dict[str, Any], kept: set[str]) -> None:
        """Remove old images but `kept` (digests), where the registry does not do so itself. Never fails a build."""

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
        try:
            digest = self.find(props)
            if digest is None:
                digest = self._made(props, former)
            else:
                say(props, f"the image of this source is there: {digest}")
            kept = {digest, *([former.rpartition("@")[2]] if former else [])}
            self.tidy(props, kept)
        except self.client_errors as error:
            raise BuildFailed(f"the image of {props['node']} could not be built: {error}") from error
        return {**props, "digest": digest, "image": f"{props['repository']}@{digest}"}

    def _made(self, props: dict[str, Any], former: str | None) -> str:
        """The digest of an image that the registry does not have yet."""
        build_id = self.running(props)
        if build_id is not None:
            say(props, f"build {build_id} of this source runs already and is followed")
            return follow(self, props, build_id)
        source = self._uploaded(props)
        unanswered: Unanswered | None = None
        for _ in range(_STARTS):
            _go_on(props)
            try:
                return follow(self, props, self.start(props, source, former))
            except Unanswered as error:
                unanswered = error
                say(props, f"{error}; trying again")
            # It may have been started all the same, and even be done; one is enough.
            cancelled.wait(self.poll_seconds)
            build_id = self.running(props)
            if build_id is not None:
                return follow(self, props, build_id)
            digest = self.find(props)
            if digest is not None:
                return digest
        raise BuildFailed(f"the build of {props['node']} could not be started: {unanswered}. Run `pulumi up` again.")

    def _uploaded(self, props: dict[str, Any]) -> str:
        context = context_of(props)
        with tempfile.TemporaryDirectory(prefix="prediction-nodes-") as scratch:
            archive = Path(scratch, "context.tar.gz")
            with archive.open("wb") as target:
                packed = context.pack(target)
            if packed != props["sourceDigest"]:
                raise BuildFailed(f"{props['context']} changed while `up` was running; run `pulumi up` again")
            _go_on(props)
            left_out = "" if context.has_ignore_file else ", without .git, __pycache__ and the like (no .dockerignore)"
            sent = archive.stat().st_size / 2**20
            say(props, f"sending {len(context.files)} files, {sent:.1f} MiB compressed{left_out}")
            return self.upload(props, f"{props['sourceDigest']}.tar.gz", archive)


def _go_on(props: dict[str, Any]) -> None:
    if cancelled.is_set():
        raise BuildFailed(f"{props['node']} was not built, since the update was cancelled")


def image_tag(props: dict[str, Any]) -> str:
    """The source's tag and, since they make another image of it, eight digits that stand for the build arguments."""
    said = json.dumps([props["platform"], props["arguments"]], sort_keys=True)
    return f"{props['tag']}-{hashlib.sha256(said.encode()).hexdigest()[:8]}"


def context_of(props: dict[str, Any]) -> BuildContext:
    """The build context that a build's inputs name, relative to the program's folder."""
    # Not resolved: a Dockerfile may be a link to one outside of the context.
    root, dockerfile = (Path(os.path.abspath(props[key])) for key in ("context", "dockerfile"))  # noqa: PTH100
    return BuildContext(root, dockerfile, copied_with(props.get("arguments") or {}))


def source_inputs(node: Node) -> dict[str, str]:
    """What a build's source decides of its inputs: sourceDigest, tag (unique to it), context, dockerfile (relative)."""
    try:
        digest = context_of_node(node).digest
    except ContextError as error:
        raise pulumi.RunError(f"{node.name}: {error}") from None
    here = Path.cwd()
    return {
        "node": node.name,
        "sourceDigest": digest,
        "tag": digest[:24],
        "context": relative(node.context, here),
        "dockerfile": relative(node.dockerfile, here),
        "platform": PLATFORM,
    }


class ImageBuild(Resource, module="prediction-nodes", name="ImageBuild"):
    """A built image. Each cloud subclasses it with its provider; `props` must hold `source_inputs` and `repository`."""

    digest: pulumi.Output[str]
    """sha256:HEX"""
    image: pulumi.Output[str]
    """REPOSITORY@sha256:HEX"""

    def __init__(self, name: str, kind: str, props: dict[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(kind, name, {**props, "digest": None, "image": None}, opts)
