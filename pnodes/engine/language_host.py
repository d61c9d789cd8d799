"""A language host for Python: the LanguageRuntime service through which Pulumi's engine runs programs.

Engines that were built from the Go module proxy use this host, since the proxy does not have the official one. The host
listens on loopback, prints its port, and runs each program in a child process with the interpreter that Pulumi.yaml
names. It ends when the engine that started it has ended.
"""

import importlib.metadata
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2, json_format
from pulumi.runtime.proto import (
    LanguageRuntimeServicer,
    add_LanguageRuntimeServicer_to_server,
    language_pb2,
    plugin_pb2,
)

from pnodes.engine import dependencies, program_python, run_plugin
from pnodes.engine.program_python import NoInterpreter, ProgramPython
from pnodes.engine.run_program import ERROR_SHOWN

_RUNNER = Path(__file__).with_name("run_program.py")
_LARGEST_MESSAGE = 400 * 1024 * 1024  # the engine's own limit
_WATCH_SECONDS = 1.0


class LanguageHost(LanguageRuntimeServicer):
    """The host of one engine, which may run several programs through it, also at the same time."""

    def __init__(self, engine_address: str) -> None:
        self.engine_address = engine_address
        self.running: set[subprocess.Popen[bytes]] = set()
        self.ends: list[Callable[[], None]] = []
        self.lock = threading.Lock()

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Receive the engine's address from an engine that attaches to a running host."""
        self.engine_address = request.engine_address
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Return the version of the SDK as this host's version."""
        return plugin_pb2.PluginInfo(version=importlib.metadata.version("pulumi"))

    def GetRequiredPlugins(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Return the plugins to engines that do not support GetRequiredPackages."""
        plugins = _list_plugins(request.info, context, plugin_pb2.PluginDependency)
        return language_pb2.GetRequiredPluginsResponse(plugins=plugins)

    def GetRequiredPackages(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Return the plugins of the provider SDKs in the program's environment."""
        packages = _list_plugins(request.info, context, plugin_pb2.PackageDependency)
        return language_pb2.GetRequiredPackagesResponse(packages=packages)

    def GetProgramDependencies(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Return the packages in the program's environment, for `pulumi about`."""
        packages = sorted(_resolve_python(request.info, context).facts()["packages"].items())
        dependencies = [language_pb2.DependencyInfo(name=name, version=version) for name, version in packages]
        return language_pb2.GetProgramDependenciesResponse(dependencies=dependencies)

    def About(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Return the interpreter that runs the program."""
        facts = _resolve_python(request.info, context).facts()
        return language_pb2.AboutResponse(executable=facts["executable"], version=facts["version"])

    def RuntimeOptionsPrompts(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Return no prompts for `pulumi new`."""
        return language_pb2.RuntimeOptionsResponse()

    def Template(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Leave templates unchanged."""
        return language_pb2.TemplateResponse()

    def InstallDependencies(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        """Create the virtual environment and install requirements.txt, for `pulumi install`."""
        root = request.info.root_directory or request.directory
        try:
            for line in dependencies.install(root, request.info.program_directory or root, _options(request.info)):
                yield language_pb2.InstallDependenciesResponse(stdout=line)
        except dependencies.InstallFailed as error:
            context.abort(grpc.StatusCode.UNKNOWN, str(error))

    def Run(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Run the program in a child process and return its result."""
        try:
            python = program_python.resolve(request.info.root_directory, _options(request.info))
        except NoInterpreter as error:
            return language_pb2.RunResponse(error=str(error))
        code = self._run(python, request)
        if code == 0:
            return language_pb2.RunResponse()
        if code == ERROR_SHOWN:
            return language_pb2.RunResponse(bail=True)
        if code < 0:
            return language_pb2.RunResponse(error=f"Program was terminated by signal {signal.Signals(-code).name}")
        return language_pb2.RunResponse(error=f"Program exited with non-zero exit code: {code}")

    def RunPlugin(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        """Run a plugin in Python, such as a policy pack, until it ends or the engine cancels the request."""
        try:
            python = run_plugin.interpreter(request.info.root_directory, _options(request.info), request.kind)
        except NoInterpreter as error:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
            raise
        command = [str(python), "-u", request.info.program_directory, *request.args]
        variables = run_plugin.environment(request.env, python)

        def at_end(end: Callable[[], None]) -> None:
            with self.lock:
                self.ends.append(end)
            context.add_callback(end)

        for piece in run_plugin.run(command, request.pwd, variables, at_end):
            if isinstance(piece, int):
                yield language_pb2.RunPluginResponse(exitcode=piece)
            elif piece[0] == "stdout":
                yield language_pb2.RunPluginResponse(stdout=piece[1])
            else:
                yield language_pb2.RunPluginResponse(stderr=piece[1])

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Stop the running programs."""
        self.stop()
        return empty_pb2.Empty()

    def start_program(self, python: ProgramPython, folder: str) -> subprocess.Popen[bytes]:
        """Start the process that runs the program that it reads from its standard input."""
        return subprocess.Popen(
            [str(python.executable), "-P", "-u", str(_RUNNER)],
            cwd=folder,
            env=python.environment(),
            stdin=subprocess.PIPE,
        )

    def _run(self, python: ProgramPython, request: Any) -> int:
        """Run the program; its output goes to this process's output, which the engine shows to the user."""
        folder = request.info.program_directory or request.pwd
        settings = {
            "project": request.project,
            "stack": request.stack,
            "organization": request.organization or "organization",
            "monitor": request.monitor_address,
            "engine": self.engine_address,
            "parallel": request.parallel,
            "dry_run": request.dryRun,
            "root_directory": request.info.root_directory,
            "config": dict(request.config),
            "config_secret_keys": list(request.configSecretKeys),
            "program": request.info.entry_point or request.program or ".",
            "arguments": list(request.args),
        }
        child = self.start_program(python, folder)
        with self.lock:
            self.running.add(child)
        try:
            child.communicate(json.dumps(settings).encode())
            return child.returncode
        finally:
            with self.lock:
                self.running.discard(child)

    def stop(self) -> None:
        """Stop the running programs and plugins."""
        with self.lock:
            for child in self.running:
                child.terminate()
            for end in self.ends:
                end()


def _options(info: Any) -> dict[str, Any]:
    """Return `runtime.options` of Pulumi.yaml as plain values."""
    options: dict[str, Any] = json_format.MessageToDict(info.options)
    return options


def _resolve_python(info: Any, context: grpc.ServicerContext) -> ProgramPython:
    """Return the interpreter of a request; aborts the call with the reason if there is none."""
    try:
        return program_python.resolve(info.root_directory, _options(info))
    except NoInterpreter as error:
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
        raise


def _list_plugins(info: Any, context: grpc.ServicerContext, message: Callable[..., Any]) -> list[Any]:
    """Return the plugins of the provider SDKs in the program's environment, each as a message of this type."""
    plugins = _resolve_python(info, context).plugins()
    return [
        message(name=p["name"], kind="resource", version=_tag(p.get("version")), server=p.get("server", ""))
        for p in plugins
    ]


def _tag(version: str | None) -> str:
    """Return a plugin's version with a leading v."""
    return f"v{version.removeprefix('v')}" if version else ""


def serve(engine_address: str) -> None:
    """Serve until the engine ends or stops this process."""
    engine = os.getppid()
    host = LanguageHost(engine_address)
    limits = [("grpc.max_receive_message_length", _LARGEST_MESSAGE), ("grpc.max_send_message_length", _LARGEST_MESSAGE)]
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8), options=limits)
    add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    server.start()
    print(port, flush=True)
    while not ended.wait(_WATCH_SECONDS) and os.getppid() == engine:
        pass
    host.stop()
    server.stop(grace=None)


if __name__ == "__main__":
    # PYTHONPATH was for finding this module; the program must not inherit it.
    os.environ.pop("PYTHONPATH", None)
    # Flags (such as --tracing) may come first; the engine's address is the last argument.
    addresses = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    serve(addresses[-1] if addresses else "")
