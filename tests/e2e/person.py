"""A user who runs the day-to-day commands in a project."""

from __future__ import annotations

import json
import subprocess
from contextlib import nullcontext
from typing import Any

from tests.e2e.world import World
from tests.forking.hosts import run_pnodes

# The commands that run the program.
_ATTACHED = ("diff", "release")


class Person:
    """A user in a shell of the project, with the sandbox's environment."""

    def __init__(self, world: World) -> None:
        self.world, self.said = world, ""

    def pnodes(self, *arguments: str, code: int = 0) -> str:
        """Run a command, check its exit code, and return its standard output."""
        process = self._run(*arguments)
        assert process.returncode == code, self.said
        return process.stdout

    def try_pnodes(self, *arguments: str) -> str:
        """Run a command, whatever its exit code, and return what it printed."""
        self._run(*arguments)
        return self.said

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        own = {**self.world.cli.env, "COLUMNS": "200"}
        hosts = self.world.hosts.attach(self.world.project, own, "prediction-nodes")
        with hosts if arguments[0] in _ATTACHED else nullcontext(own) as environ:
            process = run_pnodes(arguments, self.world.project, environ)
        self.said = process.stdout + process.stderr
        assert "Traceback" not in self.said.replace('Traceback (most recent call last):\n  File "/app', "")
        for secret in (self.world.daemon["numerai"]["secret_key"], "token=", "ya29.", "eyJ0eXAi"):
            assert secret not in self.said
        return process

    def json(self, *arguments: str, code: int = 0) -> Any:
        """Run a command with --json, check its exit code, and return the parsed output."""
        return json.loads(self.pnodes(*arguments, "--json", code=code))
