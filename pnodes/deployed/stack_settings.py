"""The settings of the stack that is selected, through the engine: which there are, and secrets that are added to them.

A secret's value goes to the engine on its standard input, where no other process can read it.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from pnodes import project
from pnodes.engine import Engine, find
from pnodes.errors import UserError


class StackSettings:
    """The settings of the selected stack of the project in a folder."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine, self._folder = engine, folder
        self.stack = self._run("stack", "--show-name").strip()
        self._names = set(json.loads(self._run("config", "--json") or "{}"))
        self._project = project.project_name(folder)

    def has(self, name: str) -> bool:
        """Whether there is a setting: `aws:region`, or a name of the project's own without a colon."""
        return (name if ":" in name else f"{self._project}:{name}") in self._names

    def set_secret(self, name: str, value: str) -> None:
        """Add a secret."""
        self._run("config", "set", "--secret", name, value=value)

    def remove(self, name: str) -> None:
        """Remove a setting."""
        self._run("config", "rm", name)

    def _run(self, *arguments: str, value: str | None = None) -> str:
        done = subprocess.run(
            [str(self._engine.path), *arguments, "--non-interactive"],
            cwd=self._folder,
            input=value or "",
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            said = (done.stderr or done.stdout).strip()
            raise UserError(f"`pulumi {' '.join(arguments)}` failed: {said.replace(value, '***') if value else said}")
        return done.stdout


def selected(folder: Path) -> StackSettings:
    """The settings of the stack that is selected. Raises UserError without an engine or a stack."""
    found = find()
    if found is None:
        raise UserError("there is no Pulumi engine; `pnodes engine` gets one")
    return StackSettings(found, folder)
