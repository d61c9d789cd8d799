"""`pulumi install` for a Python project: makes its virtual environment and installs requirements.txt into it.

uv is used where there is one (it takes seconds), else the interpreter's own venv and pip.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pnodes.engine import program_python


class InstallFailed(Exception):
    """A command failed; the text names it."""


def commands(venv: Path | None, requirements: Path | None, uv: str | None) -> list[list[str]]:
    """The commands that bring the environment up to date."""
    python = str(venv / "bin" / "python") if venv else sys.executable
    todo: list[list[str]] = []
    if venv is not None and not Path(python).exists():
        todo.append([uv, "venv", str(venv)] if uv else [sys.executable, "-m", "venv", str(venv)])
    if requirements is not None:
        pip = [uv, "pip", "install", "--python", python] if uv else [python, "-m", "pip", "install"]
        todo.append([*pip, "-r", str(requirements)])
    return todo


def install(root: str, folder: str, options: Mapping[str, Any]) -> Iterator[bytes]:
    """Runs the commands and gives back their output line by line."""
    places = (Path(folder, "requirements.txt"), Path(root, "requirements.txt"))
    requirements = next((path for path in places if path.exists()), None)
    beside = Path(sys.executable).with_name("uv")
    uv = shutil.which("uv") or (str(beside) if beside.exists() else None)
    for command in commands(program_python.venv_path(root, options), requirements, uv):
        with subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as process:
            assert process.stdout is not None
            yield from process.stdout
        if process.returncode != 0:
            raise InstallFailed(f"`{' '.join(command)}` failed with exit code {process.returncode}")
