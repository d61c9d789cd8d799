"""A person who types the day-to-day commands in a project."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from tests.e2e.world import World


class Person:
    """Somebody at a shell of the project, in the sandbox's environment."""

    def __init__(self, world: World) -> None:
        self.world = world

    def pnodes(self, *arguments: str, code: int = 0) -> str:
        """A command's standard output; its exit code has to be this one."""
        done = subprocess.run(
            [sys.executable, "-c", "from pnodes.cli.main import run; run()", *arguments],
            cwd=self.world.project,
            env={**self.world.cli.env, "PYTHONPATH": ":".join(sys.path), "COLUMNS": "200"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        said = done.stdout + done.stderr
        assert done.returncode == code, said
        assert "Traceback" not in said.replace('Traceback (most recent call last):\n  File "/app', "")
        for secret in (self.world.daemon["numerai"]["secret_key"], "token=", "ya29.", "eyJ0eXAi"):
            assert secret not in said
        self.said = said
        return done.stdout

    def json(self, *arguments: str, code: int = 0) -> Any:
        """A command's JSON."""
        return json.loads(self.pnodes(*arguments, "--json", code=code))
