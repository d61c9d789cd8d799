"""The real engine at half of its cost: programs, dynamic providers, sandbox and `pnodes` are forked from one process.

An ordinary run of the engine spends most of its processor time on importing the clouds' SDKs, in the program's process,
in that of the dynamic providers and in the sandbox's daemon. Here the engine attaches to a language host in this
process and to a host of dynamic providers (PULUMI_DEBUG_LANGUAGES, PULUMI_DEBUG_PROVIDERS). What they run is forked
from a process that has the SDKs, so nothing is kept from one run to the next. What a test kills is what would be
killed otherwise: the engine, or the process of the program. tests/pnodes/engine, tests/e2e/test_clone.py and others run
the engine with the hosts that users have.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent import futures
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import grpc
from pulumi.runtime.proto import add_LanguageRuntimeServicer_to_server

from pnodes.engine.language_host import LanguageHost
from pnodes.engine.program_python import ProgramPython, activate
from sandbox.steps import StepFault
from tests.forking import forked

_FORKING = multiprocessing.get_context("forkserver")
_FORKING.set_forkserver_preload(["tests.forking.imported"])
_ANSWERS: dict[str, Any] = {}


class Program:
    """The forked process of a Pulumi program, with the part of Popen's interface that the language host uses."""

    def __init__(self, folder: str, environ: dict[str, str], log: str) -> None:
        stdin, self._stdin = _FORKING.Pipe(duplex=False)
        self._process = _FORKING.Process(target=forked.run_program, args=(stdin, folder, environ, log))
        self._process.start()
        stdin.close()

    @property
    def returncode(self) -> int | None:
        """The exit code, or minus the signal."""
        return self._process.exitcode

    def communicate(self, sent: bytes) -> None:
        """Send the program's settings, and wait until it has ended."""
        with os.fdopen(os.dup(self._stdin.fileno()), "wb") as stdin:
            self._stdin.close()
            stdin.write(sent)
        self._process.join()

    def terminate(self) -> None:
        """Send SIGTERM."""
        self._process.terminate()

    def kill(self) -> None:
        """Send SIGKILL."""
        self._process.kill()


class ForkingHost(LanguageHost):
    """The project's language host with forked programs, in this process."""

    def __init__(self, environ: Mapping[str, str], log: Path) -> None:
        super().__init__("")
        self._environ, self._log = environ, str(log)
        limits = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        self._server = grpc.server(futures.ThreadPoolExecutor(max_workers=8), options=limits)
        add_LanguageRuntimeServicer_to_server(self, self._server)
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def GetRequiredPackages(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 (gRPC)
        """Return the interpreter's plugins, for which it is asked once."""
        return _ANSWERS.get("plugins") or _keep("plugins", super().GetRequiredPackages(request, context))

    def About(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 (gRPC)
        """Return the interpreter's facts, for which it is asked once."""
        return _ANSWERS.get("facts") or _keep("facts", super().About(request, context))

    def start_program(self, python: ProgramPython, folder: str) -> Any:
        """Fork a process for the program."""
        return Program(folder, activate(python.venv, self._environ), self._log)

    def kill(self) -> None:
        """Kill the running programs."""
        with self.lock:
            for child in self.running:
                child.kill()

    def close(self) -> None:
        """Kill the running programs and stop the server."""
        self.kill()
        self._server.stop(grace=None)


def _keep(name: str, answer: Any) -> Any:
    return _ANSWERS.setdefault(name, answer)


def start_daemon(arguments: Sequence[str], folder: Path, log: Path) -> BaseProcess:
    """Start the sandbox's daemon; it ends with this process at the latest."""
    process = _FORKING.Process(
        target=forked.run_daemon, args=(list(arguments), str(folder), dict(os.environ), str(log)), daemon=True
    )
    process.start()
    return process


def run_pnodes(
    arguments: Sequence[str], folder: Path, environ: Mapping[str, str], timeout: float = 300
) -> subprocess.CompletedProcess[str]:
    """Run `pnodes` and wait for its end."""
    with tempfile.NamedTemporaryFile() as output, tempfile.NamedTemporaryFile() as errors:
        files = (output.name, errors.name)
        process = _FORKING.Process(
            target=forked.run_pnodes, args=(arguments, str(folder), dict(environ), *files), daemon=True
        )
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            raise TimeoutError(f"pnodes {' '.join(arguments)} has not ended after {timeout:g} s")
        texts = [Path(name).read_text() for name in files]
    return subprocess.CompletedProcess(["pnodes", *arguments], process.exitcode, *texts)


class ForkingHosts:
    """The hosts of one project's runs, of which several may happen at the same time."""

    def __init__(self, log: Path) -> None:
        """`log` gets what programs and dynamic providers print, which the engine would otherwise show."""
        self.log = log
        self._hosts: set[ForkingHost] = set()

    @contextmanager
    def attach(
        self, folder: Path, environ: Mapping[str, str], project: str, faults: Sequence[StepFault] = ()
    ) -> Iterator[dict[str, str]]:
        """Start hosts for one run, and give the variables with which the engine attaches to them.

        The faults happen to the dynamic providers.
        """
        # The engine gives the project to the provider hosts that it starts.
        variables = {**environ, "PULUMI_DEBUG_COMMANDS": "true", "PULUMI_PROJECT": project}
        host = ForkingHost(dict(variables), self.log)
        ready, child = _FORKING.Pipe(duplex=False)
        providers = _FORKING.Process(
            target=forked.serve_dynamic_providers, args=(child, str(folder), variables, str(self.log), list(faults))
        )
        providers.start()
        child.close()
        self._hosts.add(host)
        try:
            attached = [variables.get("PULUMI_DEBUG_PROVIDERS", ""), f"pulumi-python:{ready.recv()}"]
            variables["PULUMI_DEBUG_PROVIDERS"] = ",".join(filter(None, attached))
            variables["PULUMI_DEBUG_LANGUAGES"] = f"python:{host.port}"
            yield variables
        finally:
            self._hosts.remove(host)
            host.close()
            providers.kill()
            providers.join()
            ready.close()

    def kill_programs(self) -> None:
        """Kill the running programs."""
        for host in self._hosts:
            host.kill()
