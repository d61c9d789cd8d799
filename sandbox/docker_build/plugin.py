"""A simulation of the provider docker-build: the sandbox's kernel builds an image and pushes it with the user's login.

As with the real provider, a preview builds nothing, a changed file in the folder is a difference but a changed password
is not, and an image without tags is never deleted. The provider keeps no records; images belong to the registry.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2

from sandbox import values
from sandbox.calls import Refused
from sandbox.cloud import Cloud, CloudError, Handler, Kernel
from sandbox.differences import Kind, changes, format_path, visible
from sandbox.docker_build import folder
from sandbox.docker_build.folder import Folder
from sandbox.docker_build.registries import Registry, unauthorized
from sandbox.images import BuildError
from sandbox.plugin import Plugin, answer
from sandbox.values import UNKNOWN, comparable, plain, raw

_LOG = logging.getLogger(__name__)
IMAGE = "docker-build:index:Image"
_OUTPUTS = ("contextHash", "digest", "ref")
_REFUSED_INPUTS = ("tags", "load", "secrets", "ssh", "cacheFrom", "cacheTo", "builder", "exec", "target", "pull")


class Image(Handler):
    """The part of docker-build.Image that this project uses: one platform, pushed by digest."""

    def check(self, inputs: dict[str, Any]) -> Iterable[tuple[str, str]]:
        for name in _REFUSED_INPUTS:
            if inputs.get(name):
                yield name, f"the sandbox builds without {name}"
        if inputs.get("platforms") != ["linux/amd64"]:
            yield "platforms", f"the sandbox builds for linux/amd64 only, got {inputs.get('platforms')}"
        if inputs.get("buildOnPreview") is not False:
            yield "buildOnPreview", "the sandbox never builds in a preview"
        exports = inputs.get("exports") or []
        image = exports[0].get("image") if len(exports) == 1 else None
        if not image or not image.get("push") or not image.get("pushByDigest") or inputs.get("push"):
            yield "exports", "the sandbox accepts one export: an image that is pushed by digest"
        elif len(image.get("names") or []) != 1:
            yield "exports[0]", "at least one tag or export name is needed when pushing to a registry"


class LocalDocker(Cloud):
    """The simulated Docker of this machine; `registries` are those of all clouds."""

    name: ClassVar[str] = "docker"
    package: ClassVar[str] = "docker-build"

    def __init__(self, kernel: Kernel, registries: Sequence[Registry]) -> None:
        super().__init__(kernel)
        self._registries = registries
        self.handlers = {IMAGE: Image()}

    def invoke(self, token: str, args: dict[str, Any]) -> dict[str, Any]:
        raise CloudError(f"the sandbox has no {token}")

    def owns(self, host: str) -> bool:
        return False

    def build(self, inputs: dict[str, Any], where: Folder, log: Any) -> str:
        """Build and push an image, and return its digest. Raises CloudError with the real provider's wording."""
        repository = inputs["exports"][0]["image"]["names"][0]
        registry = self._admit(repository, inputs.get("registries") or [])
        try:
            digest = self.kernel.images.build(
                repository, where.archive(), where.dockerfile_name, inputs.get("buildArgs") or {}, [], log
            )
        except (BuildError, OSError) as error:
            raise CloudError(f"failed to solve: {error}") from error
        registry.record_push(repository, digest)
        return digest

    def _admit(self, repository: str, logins: list[dict[str, Any]]) -> Registry:
        host, _, name = repository.partition("/")
        registry = next((candidate for candidate in self._registries if candidate.serves(host)), None)
        if registry is None:
            raise CloudError(f"failed to do request: dial tcp: lookup {host}: no such host")
        login = next((candidate for candidate in logins if candidate["address"] == host), {})
        try:
            if not login.get("password"):
                raise unauthorized()
            registry.admit(repository, login.get("username", ""), login["password"])
        except Refused as refused:
            url = f"https://{host}/v2/{name}/blobs/uploads/"
            raise CloudError(
                f"failed to solve: failed to push {repository}: unexpected status from POST request to {url}: "
                f"{refused.status} {refused.code}: {refused}"
            ) from None
        return registry


class DockerBuildPlugin(Plugin):
    """Serves the simulated Docker to the engine."""

    def __init__(self, docker: LocalDocker) -> None:
        super().__init__(docker)
        self._docker = docker
        self._engines: dict[str, str] = {}

    def Handshake(self, request: Any, context: Any) -> Any:
        self._engines[context.peer()] = request.engine_address
        return super().Handshake(request, context)

    def Attach(self, request: Any, context: Any) -> Any:
        self._engines[context.peer()] = request.address
        return super().Attach(request, context)

    def Diff(self, request: Any, context: Any) -> Any:
        def run() -> Any:
            olds, news = comparable(raw(request.old_inputs)), comparable(raw(request.news))
            logins = [_logins(inputs.pop("registries", [])) for inputs in (olds, news)]
            detailed = {format_path(path): kind for path, kind in changes(olds, news)}
            if logins[0] != logins[1]:
                detailed["registries"] = Kind.UPDATE
            if _folder(context, news).hash() != plain(raw(request.olds)).get("contextHash"):
                detailed["contextHash"] = Kind.UPDATE
            return provider_pb2.DiffResponse(
                changes=provider_pb2.DiffResponse.DIFF_SOME if detailed else provider_pb2.DiffResponse.DIFF_NONE,
                diffs=sorted({path.split(".")[0].split("[")[0] for path in detailed}),
                detailedDiff={path: provider_pb2.PropertyDiff(kind=kind) for path, kind in detailed.items()},
                hasDetailedDiff=True,
            )

        return answer(context, run)

    def Check(self, request: Any, context: Any) -> Any:
        checked = super().Check(request, context)
        problem = answer(context, lambda: _folder(context, plain(raw(request.news))).problem())
        if problem is not None:
            checked.failures.append(provider_pb2.CheckFailure(property=problem[0], reason=problem[1]))
        return checked

    def Create(self, request: Any, context: Any) -> Any:
        def run() -> Any:
            inputs = visible(raw(request.properties))
            if request.preview:
                return provider_pb2.CreateResponse(properties=values.struct(inputs | dict.fromkeys(_OUTPUTS, UNKNOWN)))
            outputs = self._build(inputs, request.urn, context)
            return provider_pb2.CreateResponse(id=outputs["digest"], properties=values.struct(inputs | outputs))

        return answer(context, run)

    def Update(self, request: Any, context: Any) -> Any:
        def run() -> Any:
            inputs = visible(raw(request.news))
            if request.preview:
                return provider_pb2.UpdateResponse(properties=values.struct(inputs | dict.fromkeys(_OUTPUTS, UNKNOWN)))
            outputs = self._build(inputs, request.urn, context)
            return provider_pb2.UpdateResponse(properties=values.struct(inputs | outputs))

        return answer(context, run)

    def Read(self, request: Any, context: Any) -> Any:
        # The real provider looks for the image's tags; these images have none.
        return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    def Delete(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    def _build(self, inputs: dict[str, Any], urn: str, context: Any) -> dict[str, str]:
        lines = self._lines(context.peer(), urn)
        where = _folder(context, plain(inputs))
        try:
            digest = self._docker.build(plain(inputs), where, lines.show)
        except CloudError:
            lines.keep()
            raise
        finally:
            lines.close()
        return {"contextHash": where.hash(), "digest": digest, "ref": ""}

    def _lines(self, peer: str, urn: str) -> Lines:
        return Lines(self._engines.get(peer, ""), urn)


class Lines:
    """A build's output: the engine shows each line briefly, and all lines permanently if the build fails."""

    def __init__(self, engine: str, urn: str) -> None:
        self._channel = grpc.insecure_channel(engine) if engine else None
        self._urn, self._all = urn, list[str]()

    def show(self, line: str) -> None:
        """Show a line until the next one."""
        self._all.append(line)
        self._say(line, ephemeral=True)

    def keep(self) -> None:
        """Show all lines permanently."""
        if self._all:
            self._say("\n".join(self._all), ephemeral=False)

    def close(self) -> None:
        """Close the connection to the engine."""
        if self._channel is not None:
            self._channel.close()

    def _say(self, message: str, ephemeral: bool) -> None:
        if self._channel is None:
            return
        request = engine_pb2.LogRequest(
            severity=engine_pb2.LogSeverity.INFO, message=message, urn=self._urn, ephemeral=ephemeral
        )
        try:
            engine_pb2_grpc.EngineStub(self._channel).Log(request, timeout=10)
        except grpc.RpcError as error:
            _LOG.info("the engine did not accept a line of a build's output: %r", error)


def _folder(context: Any, inputs: dict[str, Any]) -> Folder:
    at = inputs["context"]["location"]
    dockerfile = (inputs.get("dockerfile") or {}).get("location") or f"{at}/Dockerfile"
    return Folder(folder.find_project(context.peer()), at, dockerfile)


def _logins(registries: Any) -> list[tuple[Any, Any]]:
    return [(registry.get("address"), registry.get("username")) for registry in registries or []]
