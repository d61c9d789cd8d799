"""`pulumi install` for a Python project: create its virtual environment and install requirements.txt into it.

Uses uv if it is installed (it takes seconds), otherwise venv and pip.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pnodes.engine import program_python


class InstallFailed(Exception):
    """A command failed; the message contains the command."""


def list_commands(venv: Path | None, requirements: Path | None, uv: str | None) -> list[list[str]]:
    """Return the commands that bring the environment up to date."""
    python = str(venv / "bin" / "python") if venv else sys.executable
    commands: list[list[str]] = []
    if venv is not None and not Path(python).exists():
        commands.append([uv, "venv", str(venv)] if uv else [sys.executable, "-m", "venv", str(venv)])
    if requirements is not None:
        pip = [uv, "pip", "install", "--python", python] if uv else [python, "-m", "pip", "install"]
        commands.append([*pip, "-r", str(requirements)])
    return commands


def install(root: str, folder: str, options: Mapping[str, Any]) -> Iterator[bytes]:
    """Run the commands and yield their output line by line. Raises InstallFailed."""
    candidates = (Path(folder, "requirements.txt"), Path(root, "requirements.txt"))
    requirements = next((path for path in candidates if path.exists()), None)
    own_uv = Path(sys.executable).with_name("uv")
    uv = shutil.which("uv") or (str(own_uv) if own_uv.exists() else None)
    for command in list_commands(program_python.venv_path(root, options), requirements, uv):
        with subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as process:
            assert process.stdout is not None
            yield from process.stdout
        if process.returncode != 0:
            raise InstallFailed(f"`{' '.join(command)}` failed with exit code {process.returncode}")
