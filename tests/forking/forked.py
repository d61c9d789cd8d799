"""What the forked processes run: Pulumi's program, its host of dynamic providers, the sandbox's daemon, or `pnodes`."""

from __future__ import annotations

import os
import runpy
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

import grpc
from google.protobuf import empty_pb2

from pnodes.cli import main as pnodes
from pnodes.engine import run_program as runner
from sandbox.steps import StepFault, StepFaults
from tests.e2e import checked_daemon


def run_program(stdin: Connection, folder: str, environ: dict[str, str], log: str) -> None:
    """Run the program whose settings come through `stdin`, as the language host's child does."""
    _become(folder, environ, log)
    os.dup2(stdin.fileno(), 0)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 (for as long as the process)
    sys.exit(runner.main())


def serve_dynamic_providers(
    ready: Connection, folder: str, environ: dict[str, str], log: str, faults: Sequence[StepFault]
) -> None:
    """Run `python -m pulumi.dynamic` with these faults, and send its port when it listens."""
    _become(folder, environ, log)
    ordered = StepFaults()
    for fault in faults:
        ordered.order(fault)
    make_server = grpc.server

    def server(pool: Any, options: Any = None) -> Any:
        made = make_server(pool, [], [_Attached(), ordered], options)
        listen = made.add_insecure_port

        def add_insecure_port(address: str) -> int:
            port: int = listen(address)
            ready.send(port)
            return port

        made.add_insecure_port = add_insecure_port  # type: ignore[method-assign]
        return made

    grpc.server = server  # type: ignore[assignment]
    runpy.run_module("pulumi.dynamic", run_name="__main__", alter_sys=True)


def run_daemon(arguments: Sequence[str], folder: str, environ: dict[str, str], log: str) -> None:
    """Run the sandbox's daemon in a session of its own."""
    _become(folder, environ, log)
    os.setsid()
    checked_daemon.main(arguments)


def run_pnodes(arguments: Sequence[str], folder: str, environ: dict[str, str], output: str, errors: str) -> None:
    """Run `pnodes` with these arguments."""
    _become(folder, environ, output, errors)
    sys.argv = ["pnodes", *arguments]
    pnodes.run()


class _Attached(grpc.ServerInterceptor):
    """Answer Attach, which the host lacks because the engine starts it."""

    def intercept_service(self, continuation: Any, details: Any) -> Any:
        if details.method != "/pulumirpc.ResourceProvider/Attach":
            return continuation(details)
        return grpc.unary_unary_rpc_method_handler(
            lambda _request, _context: empty_pb2.Empty(),
            response_serializer=empty_pb2.Empty.SerializeToString,
        )


def _become(folder: str, environ: dict[str, str], output: str, errors: str | None = None) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    for number, log in ((1, output), (2, errors or output)):
        os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), number)
    sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
