"""A user's project folder with a sandbox of its own, and what a command of the real engine takes in it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import yaml

from benchmarks import fleet
from benchmarks.measured_python import PEAK_UNITS, MeasuredPython
from pnodes.engine import Engine
from pnodes.engine.paths import ROOT
from sandbox.cli import process, shell
from sandbox.numerai.accounts import Accounts
from sandbox.place import STACK
from sandbox.store import Store

PROJECT = "prediction-nodes"
__all__ = ["PROJECT", "STACK", "Cost", "Failed", "Project", "open_sandbox", "read_config"]


class Failed(Exception):
    """A command of the engine failed; the text is all of its output."""


@dataclass(frozen=True)
class Cost:
    """What a command took: time (s), processor time of the engine with all that it started (s), the program's own
    processor time (s) and peak memory (MiB), and the peak memory (MiB) of the largest of all these processes."""

    seconds: float
    cpu: float
    program_cpu: float
    program_peak: float
    peak: float


def read_config() -> dict[str, str]:
    """Return the settings of the sandbox's stack by their full names, as texts, as the engine passes them."""
    settings: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / f"Pulumi.{STACK}.yaml").read_text(encoding="utf-8"))
    return {
        name if ":" in name else f"{PROJECT}:{name}": value if isinstance(value, str) else json.dumps(value)
        for name, value in settings["config"].items()
    }


@contextmanager
def open_sandbox(home: Path, engine: Engine, models: int) -> Iterator[dict[str, str]]:
    """Start a sandbox whose Numerai account has this many models more; yield the environment for the engine."""
    store = Store(home)
    accounts = Accounts(store)
    for number in range(models):
        accounts.add_model(f"benchmark_{number}", "classic", fleet.model_id(number))
    store.close()
    daemon = process.start(home, executor="process")
    try:
        yield shell.build_environment(daemon, engine.bin)
    finally:
        process.stop(home)


class Project:
    """A folder with a Pulumi program, and its stack. Projects may share the folder of their stacks' `state`."""

    def __init__(
        self,
        folder: Path,
        engine: Engine,
        environ: Mapping[str, str],
        python: Path,
        stack: str = STACK,
        state: Path | None = None,
    ) -> None:
        self.folder, self._engine, self._stack = folder, engine, stack
        folder.mkdir(parents=True, exist_ok=True)
        state = state or folder / "state"
        state.mkdir(exist_ok=True)
        self._python = MeasuredPython(folder.with_name(f"{folder.name}-python"), python)
        self._environ = {
            **environ,
            "PULUMI_HOME": str(folder / ".pulumi"),
            "PULUMI_BACKEND_URL": f"file://{state}",
            # As for users: without it, each run of a program compiles the SDKs again.
            "PYTHONDONTWRITEBYTECODE": "",
        }
        settings = yaml.safe_load((ROOT / "Pulumi.yaml").read_text(encoding="utf-8"))
        settings["runtime"]["options"]["virtualenv"] = str(self._python.folder)
        (folder / "Pulumi.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
        shutil.copy(ROOT / f"Pulumi.{STACK}.yaml", folder / f"Pulumi.{stack}.yaml")
        fleet.write_model(folder)

    def create_stack(self) -> None:
        """Create the project's stack, without resources."""
        self.run("stack", "select", "--create", self._stack)

    def run(self, *arguments: str) -> Cost:
        """Run a command of the engine and return what it took. Raises Failed."""
        return self._measure(self._command(*arguments))

    def run_until(self, limit: float, *arguments: str) -> float:
        """Run a command of the engine, for `limit` seconds at most; return its time in seconds. Raises Failed."""
        began = time.perf_counter()
        output = self.folder / "output.txt"
        with output.open("w", encoding="utf-8") as target:
            child = self._start(self._command(*arguments), target, alone=True)
            try:
                child.wait(limit)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
                return limit
        if child.returncode:
            raise Failed(f"{self.folder.name}\n{output.read_text(encoding='utf-8')}")
        return min(time.perf_counter() - began, limit)

    def run_pnodes(self, *arguments: str) -> Cost:
        """Run a command of `pnodes` and return what it took. Raises Failed."""
        return self._measure([str(ROOT / ".venv" / "bin" / "pnodes"), *arguments])

    def _measure(self, command: list[str]) -> Cost:
        output = self.folder / "output.txt"
        with output.open("w", encoding="utf-8") as target:
            began = time.perf_counter()
            child = self._start(command, target)
            _, status, used = os.wait4(child.pid, 0)
            seconds = time.perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise Failed(f"{self.folder.name}: {' '.join(command)}\n{output.read_text(encoding='utf-8')}")
        program = self._python.take()
        peak = used.ru_maxrss / PEAK_UNITS
        return Cost(seconds, used.ru_utime + used.ru_stime, program.cpu, program.peak, peak)

    def _command(self, *arguments: str) -> list[str]:
        return [str(self._engine.path), *arguments, "--non-interactive", "--color", "never"]

    def _start(self, command: list[str], output: IO[str], alone: bool = False) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=alone,
        )

    def read_output(self) -> str:
        """Return what the last command printed."""
        return (self.folder / "output.txt").read_text(encoding="utf-8")
