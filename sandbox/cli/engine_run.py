"""Runs `pulumi` on the sandbox's stack as a person would: its own output on the terminal, its own exit code."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pnodes.engine import Engine
from pnodes.errors import UserError
from pnodes.project import STACK


class Pulumi:
    """The engine, in the environment of a running sandbox and the folder of the project."""

    def __init__(self, engine: Engine, environment: Mapping[str, str], folder: Path) -> None:
        self._engine = engine
        self._environment = environment
        self._folder = folder

    def select(self) -> None:
        """Makes the stack if need be, and selects it for every further command in this checkout."""
        self._quiet(["stack", "select", "--create", STACK])

    def show(self, *arguments: str) -> None:
        """Runs a command that the person watches."""
        with self._start(list(arguments), None) as process:
            code = waited(process)
        if code != 0:
            raise UserError(f"`pulumi {' '.join(arguments)}` ended with exit code {code}; what it said is above.")

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs, secrets shown."""
        text = self._quiet(["stack", "output", "--stack", STACK, "--json", "--show-secrets"])
        found: dict[str, Any] = json.loads(text)
        return found

    def _quiet(self, arguments: list[str]) -> str:
        with self._start([*arguments, "--non-interactive"], subprocess.PIPE) as process:
            output, errors = process.communicate()
        if process.returncode != 0:
            raise UserError(f"`pulumi {' '.join(arguments)}` failed: {(errors or output).strip()}")
        return str(output)

    def _start(self, arguments: list[str], output: int | None) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(self._engine.path), *arguments],
            cwd=self._folder,
            env=dict(self._environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            text=True,
        )


def waited(process: subprocess.Popen[Any]) -> int:
    """Waits; Ctrl-C reaches the engine as well, which is given the time to end tidily."""
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue
