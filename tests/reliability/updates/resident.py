"""The real engine at half of its cost: programs and dynamic providers are forked from a process that has the SDKs.

An ordinary run of the engine spends most of its processor time on importing the clouds' SDKs, in the program's process
and in that of the dynamic providers. Here the engine attaches to a language host in this process and to a host of
dynamic providers (PULUMI_DEBUG_LANGUAGES, PULUMI_DEBUG_PROVIDERS), which are forked for each run. What a test kills is
what would be killed otherwise: the engine, or the process of the program.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from pulumi.runtime.proto import add_LanguageRuntimeServicer_to_server

from pnodes import engine
from pnodes.deployed import interrupted
from pnodes.deployed.interrupted import Unfinished
from pnodes.engine.language_host import LanguageHost
from pnodes.engine.program_python import ProgramPython
from pnodes.pulumi import Pulumi
from sandbox.steps import StepFault
from tests.e2e.world import World
from tests.reliability.updates import forked

_FORKING = multiprocessing.get_context("forkserver")
_SECONDS, _PAUSE = 300, 0.01
_FORKING.set_forkserver_preload(["tests.reliability.updates.imported"])


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

    def __init__(self, log: str) -> None:
        super().__init__("")
        self.environ: dict[str, str] = {}
        self._log = log
        self._plugins: dict[str, Any] = {}
        limits = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        self._server = grpc.server(futures.ThreadPoolExecutor(max_workers=8), options=limits)
        add_LanguageRuntimeServicer_to_server(self, self._server)
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def GetRequiredPackages(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 (gRPC)
        """Ask the interpreter for its plugins once only."""
        if "packages" not in self._plugins:
            self._plugins["packages"] = super().GetRequiredPackages(request, context)
        return self._plugins["packages"]

    def start_program(self, python: ProgramPython, folder: str) -> Any:
        """Fork a process for the program."""
        return Program(folder, self.environ | python.environment(), self._log)

    def kill(self) -> None:
        """Kill the running programs."""
        with self.lock:
            for child in self.running:
                child.kill()

    def close(self) -> None:
        """Stop the server."""
        self._server.stop(grace=None)


@dataclass
class Ended:
    """A finished command: exit code, output, and the events that --event-log recorded."""

    code: int
    text: str
    events: list[dict[str, Any]]

    def steps(self) -> dict[str, str]:
        """URN -> operation of the steps that were not `same`."""
        found: dict[str, str] = {}
        for event in self.events:
            step = (event.get("resourcePreEvent") or {}).get("metadata")
            if step and step["op"] not in ("same", "read", "refresh"):
                found[step["urn"]] = step["op"]
        return found


class Resident:
    """Runs the engine of a world with forked programs and dynamic providers."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._log = str(world.home / "programs.log")
        self._host = ForkingHost(self._log)

    def run(self, *arguments: str, faults: Sequence[StepFault] = (), kill: str = "") -> Ended:
        """Run a command; with `kill`, kill the "engine" or the "program" when a fault holds a step.

        The faults happen to the dynamic providers; order those of the clouds' providers with `order`.
        """
        events = self.world.home / "events.jsonl"
        events.unlink(missing_ok=True)
        cli = self.world.cli
        command = [str(cli.binary), *arguments, "--non-interactive", "--color", "never", "--event-log", str(events)]
        with (self.world.home / "engine.log").open("w+") as output, self._attached(faults) as environ:
            process = subprocess.Popen(
                command, cwd=cli.folder, env=environ, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
            try:
                if kill:
                    self._kill(kill, process)
                process.wait(_SECONDS)
            finally:
                process.kill()
            output.seek(0)
            text = output.read()
        recorded = [json.loads(line) for line in events.read_text().splitlines()] if events.exists() else []
        return Ended(process.returncode, text, recorded)

    def repair(self) -> list[tuple[Unfinished, bool]]:
        """Do what `pnodes repair` does; returns the creations that it found, and which are recorded."""
        with self._attached() as environ:
            pulumi = Pulumi(engine.ensure(print), self.world.cli.folder, environ)
            interrupted.mend_state(pulumi, None)
            interrupted.unlock(pulumi, None)
            return interrupted.adopt(pulumi, None)

    def _kill(self, kill: str, process: subprocess.Popen[bytes]) -> None:
        held = self.world.home / "held"
        while process.poll() is None and not held.exists():
            time.sleep(_PAUSE)
        if kill == "engine":
            process.kill()
            process.wait()
        else:
            self._host.kill()
        held.unlink(missing_ok=True)

    @contextmanager
    def _attached(self, faults: Sequence[StepFault] = ()) -> Iterator[dict[str, str]]:
        """Fork a host of dynamic providers, and give the variables with which the engine attaches to both hosts."""
        # The engine gives the project to the provider hosts that it starts.
        environ = {**self.world.cli.env, "PULUMI_DEBUG_COMMANDS": "true", "PULUMI_PROJECT": "prediction-nodes"}
        self._host.environ = dict(environ)
        ready, child = _FORKING.Pipe(duplex=False)
        folder = str(self.world.cli.folder)
        host = _FORKING.Process(
            target=forked.serve_dynamic_providers, args=(child, folder, environ, self._log, list(faults))
        )
        host.start()
        child.close()
        try:
            environ["PULUMI_DEBUG_PROVIDERS"] = f"{environ['PULUMI_DEBUG_PROVIDERS']},pulumi-python:{ready.recv()}"
            environ["PULUMI_DEBUG_LANGUAGES"] = f"python:{self._host.port}"
            yield environ
        finally:
            self._host.kill()
            host.kill()
            host.join()
            ready.close()

    def order(self, package: str, fault: StepFault) -> None:
        """Order a fault of a cloud's provider."""
        self.world.control.post(f"/steps/{package}", json=vars(fault)).raise_for_status()

    def close(self) -> None:
        """Stop the language host."""
        self._host.close()
