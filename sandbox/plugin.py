"""A Pulumi resource provider for a simulated cloud, over the engine's gRPC protocol.

There is one server per package; the engine attaches to it through PULUMI_DEBUG_PROVIDERS. The provider checks inputs
against the schema and the SDK, and compares them property by property; the schema determines which changes replace the
resource. The clouds' handlers do everything else.
"""

from __future__ import annotations

import copy
import logging
import secrets
from collections.abc import Callable, Collection
from concurrent import futures
from importlib import metadata
from typing import Any

import grpc
from google.protobuf import any_pb2, empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from pnodes.urn import split_urn
from sandbox import schema, sdk_types, values
from sandbox.cloud import Cloud, CloudError, Handler, PartlyCreated, Resource
from sandbox.differences import Kind, changes, format_path, merge_outputs, visible
from sandbox.steps import StepFaults
from sandbox.values import UNKNOWN, comparable, plain, raw

_LOG = logging.getLogger(__name__)


class Plugin(provider_pb2_grpc.ResourceProviderServicer):
    """Serves one cloud to the engine."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._schema = schema.load(cloud.package)
        self.step_faults = StepFaults()

    def serve(self) -> tuple[grpc.Server, int]:
        """Listen on loopback; returns the server and its port."""
        limits = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        server = grpc.server(futures.ThreadPoolExecutor(max_workers=16), [], [self.step_faults], limits)
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(self, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        return server, port

    def _handler(self, type_: str) -> Handler:
        try:
            return self._cloud.handlers[type_]
        except KeyError:
            raise CloudError(f"the sandbox has no {type_}; it has only the types that this program uses") from None

    # ---- start and configuration

    def Handshake(self, request: Any, context: Any) -> Any:
        return provider_pb2.ProviderHandshakeResponse()

    def Attach(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        # Report the SDK's version, because the engine warns about plugins that are older than the SDK.
        return plugin_pb2.PluginInfo(version=metadata.version(f"pulumi-{self._cloud.package}"))

    def CheckConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: Any) -> Any:
        self._cloud.configure(plain(raw(request.args)))
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def Cancel(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    def GetSchema(self, request: Any, context: Any) -> Any:
        return provider_pb2.GetSchemaResponse(schema="{}")

    # ---- functions and resources

    def Invoke(self, request: Any, context: Any) -> Any:
        def run() -> Any:
            _LOG.info("call: engine invoke %s", request.tok)
            answer: dict[str, Any] = {
                "return": values.struct(self._cloud.invoke(request.tok, plain(raw(request.args))))
            }
            return provider_pb2.InvokeResponse(**answer)

        return answer(context, run)

    def Check(self, request: Any, context: Any) -> Any:
        def run() -> Any:
            _, type_, logical = split_urn(request.urn)
            handler, news, olds = self._handler(type_), raw(request.news), raw(request.olds)
            inputs = plain(news)
            failures = [*sdk_types.check(type_, inputs), *self._schema.check(type_, inputs)]
            failures += [] if failures else handler.check(inputs)
            name = handler.autoname
            if name and name not in news:
                old = olds.get(name) if name in olds.get("__defaults", []) else None
                news[name] = old or autoname(handler, logical)
                news["__defaults"] = [name]
            return provider_pb2.CheckResponse(
                inputs=values.struct(news),
                failures=[provider_pb2.CheckFailure(property=p, reason=r) for p, r in dict(failures[::-1]).items()],
            )

        return answer(context, run)

    def Diff(self, request: Any, context: Any) -> Any:
        def run() -> Any:
            type_ = split_urn(request.urn).type
            handler = self._handler(type_)
            olds, news = comparable(raw(request.old_inputs)), comparable(raw(request.news))
            for ignored in request.ignoreChanges:
                olds.pop(ignored, None), news.pop(ignored, None)
            detailed: dict[str, Any] = {}
            for path, kind in changes(olds, news):
                replaces = path[0] in handler.replace_on or self._schema.replaces(type_, path)
                detailed[format_path(path)] = provider_pb2.PropertyDiff(
                    kind=kind + 1 if replaces else kind, inputDiff=True
                )
            replaced = [path for path, diff in detailed.items() if diff.kind in _REPLACING]
            return provider_pb2.DiffResponse(
                changes=provider_pb2.DiffResponse.DIFF_SOME if detailed else provider_pb2.DiffResponse.DIFF_NONE,
                diffs=sorted({path.split(".")[0].split("[")[0] for path in detailed}),
                replaces=replaced,
                detailedDiff=detailed,
                hasDetailedDiff=True,
                deleteBeforeReplace=bool(replaced) and self._deletes_before_replace(handler, olds, news),
            )

        return answer(context, run)

    @staticmethod
    def _deletes_before_replace(handler: Handler, olds: dict[str, Any], news: dict[str, Any]) -> bool:
        # Like the real providers: if the program sets a fixed name, the old resource has to be deleted first.
        name = handler.autoname
        if not name or name in olds.get("__defaults", []):
            return handler.delete_before_replace
        return handler.delete_before_replace or olds.get(name) == news.get(name)

    def Create(self, request: Any, context: Any) -> Any:
        def run() -> Any:
            _, type_, logical = split_urn(request.urn)
            handler, inputs = self._handler(type_), visible(raw(request.properties))
            if request.preview:
                return provider_pb2.CreateResponse(properties=values.struct(handler.preview_outputs(inputs)))
            _LOG.info("call: engine create %s", type_)
            resource = Resource(type_, request.urn, logical, "", plain(inputs), plain(copy.deepcopy(inputs)))
            try:
                handler.create(resource)
            except PartlyCreated as error:
                self._cloud.save(resource)
                raise FailedResource(resource, inputs, error) from error
            self._cloud.save(resource)
            return provider_pb2.CreateResponse(id=resource.id, properties=_outputs(resource, inputs))

        return answer(context, run)

    def Update(self, request: Any, context: Any) -> Any:
        def run() -> Any:
            _, type_, logical = split_urn(request.urn)
            handler, inputs = self._handler(type_), visible(raw(request.news))
            before = raw(request.old_inputs)
            if request.preview:
                outputs = merge_outputs(visible(raw(request.olds)), before, handler.preview_outputs(inputs))
                outputs |= dict.fromkeys(handler.unknown_outputs(plain(before), plain(inputs)), UNKNOWN)
                return provider_pb2.UpdateResponse(properties=values.struct(outputs))
            _LOG.info("call: engine update %s", type_)
            old = self._cloud.get(type_, request.id)
            if old is None:
                raise CloudError(f"{request.id} no longer exists; run `pulumi refresh`")
            if not list(changes(comparable(before), comparable(raw(request.news)))):
                # After a failure, the engine repeats an update; a provider that sees no difference sends nothing.
                return provider_pb2.UpdateResponse(properties=_outputs(old, inputs))
            outputs = merge_outputs(old.outputs, old.inputs, plain(inputs))
            resource = Resource(type_, request.urn, logical, request.id, plain(inputs), outputs)
            try:
                handler.update(old, resource)
            except PartlyCreated as error:
                self._cloud.save(resource)
                raise FailedResource(resource, inputs, error) from error
            self._cloud.save(resource)
            return provider_pb2.UpdateResponse(properties=_outputs(resource, inputs))

        return answer(context, run)

    def Delete(self, request: Any, context: Any) -> Any:
        def run() -> Any:
            type_ = split_urn(request.urn).type
            _LOG.info("call: engine delete %s", type_)
            resource = self._cloud.get(type_, request.id)
            if resource is not None:
                self._handler(type_).delete(resource)
                self._cloud.forget(resource)
            return empty_pb2.Empty()

        return answer(context, run)

    def Read(self, request: Any, context: Any) -> Any:
        def run() -> Any:
            type_ = split_urn(request.urn).type
            inputs, recorded = raw(request.inputs), plain(raw(request.properties))
            resource = self._cloud.get(type_, self._handler(type_).locate(request.id, inputs))
            if resource is None:
                return provider_pb2.ReadResponse(id="")
            # To find changes made outside the program, compare the current outputs with the recorded ones; a service
            # may return a value in another form than the input's. Assets are skipped: the state has only their hashes.
            compared = [key for key, value in inputs.items() if not values.is_asset(value)]
            computed = self._handler(type_).computed
            live = {key: _drop(resource.outputs.get(key), computed.get(key, ())) for key in compared}
            drifted = {key: live[key] for key in live if live[key] != _drop(recorded.get(key), computed.get(key, ()))}
            return provider_pb2.ReadResponse(
                id=resource.id,
                properties=_outputs(resource, raw(request.properties)),
                inputs=values.struct(inputs | {key: value for key, value in drifted.items() if value is not None}),
            )

        return answer(context, run)


_REPLACING = (Kind.ADD_REPLACE, Kind.DELETE_REPLACE, Kind.UPDATE_REPLACE)


def autoname(handler: Handler, logical: str) -> str:
    """Return a physical name like the real provider's: the logical name, a separator and random hex digits."""
    return f"{logical}{handler.autoname_separator}{secrets.token_hex(8)[: handler.autoname_hex]}"


def _drop(value: Any, keys: Collection[str]) -> Any:
    return {key: part for key, part in value.items() if key not in keys} if isinstance(value, dict) else value


def _outputs(resource: Resource, wire: dict[str, Any]) -> Any:
    """Return the outputs for the engine: unchanged inputs keep their wire form (assets), the others are plain."""
    unchanged = {key: value for key, value in wire.items() if key in resource.outputs}
    computed = {
        key: value
        for key, value in resource.outputs.items()
        if key not in resource.inputs or value != resource.inputs[key]
    }
    return values.struct(visible(unchanged) | computed)


class FailedResource(Exception):
    """A resource that was created or changed but is not ready; `status` makes the engine record it as failed."""

    def __init__(self, resource: Resource, wire: dict[str, Any], error: PartlyCreated) -> None:
        super().__init__(str(error))
        detail = any_pb2.Any()
        detail.Pack(
            provider_pb2.ErrorResourceInitFailed(
                id=resource.id,
                properties=_outputs(resource, wire),
                inputs=values.struct(wire),
                reasons=[str(error)],
            )
        )
        code = grpc.StatusCode.UNKNOWN.value[0]
        self.status = status_pb2.Status(code=code, message=str(error), details=[detail])


def answer(context: Any, run: Callable[[], Any]) -> Any:
    """Return the result of `run`; if it raises, abort the call with the error's message."""
    try:
        return run()
    except FailedResource as failed:
        context.set_trailing_metadata((("grpc-status-details-bin", failed.status.SerializeToString()),))
        context.abort(grpc.StatusCode.UNKNOWN, str(failed))
    except CloudError as error:
        context.abort(grpc.StatusCode.INTERNAL, str(error))
    except Exception as error:  # noqa: BLE001 - the engine needs an answer
        _LOG.exception("the sandbox's provider failed")
        context.abort(grpc.StatusCode.INTERNAL, f"the sandbox's provider failed: {error!r}; see its daemon.log")
