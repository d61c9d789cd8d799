"""Find the interpreter that runs a Pulumi program: that of the virtual environment that Pulumi.yaml names.

Each request contains `runtime.options`. `virtualenv` is relative to the project's root; with the `uv` toolchain it
defaults to `.venv`. A program without a virtual environment runs with the language host's interpreter.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class NoInterpreter(Exception):
    """The virtual environment that Pulumi.yaml names does not exist; the message says how to create it."""


@dataclass(frozen=True)
class ProgramPython:
    """An interpreter and its virtual environment (None: the language host's interpreter)."""

    executable: Path
    venv: Path | None

    def environment(self) -> dict[str, str]:
        """Return the process environment with the virtual environment activated."""
        return activate(self.venv, os.environ)

    def facts(self) -> dict[str, Any]:
        """Ask the interpreter for its path and version, and its packages with their versions."""
        facts: dict[str, Any] = self._ask(_FACTS)
        return facts

    def plugins(self) -> list[dict[str, Any]]:
        """Ask the interpreter for the plugins that its packages need. Each command of the engine needs to know them."""
        plugins: list[dict[str, Any]] = self._ask(_PLUGINS)
        return plugins

    def _ask(self, script: str) -> Any:
        answer = subprocess.run(
            [str(self.executable), "-P", "-c", script],
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
        )
        return json.loads(answer.stdout)


def activate(venv: Path | None, environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment with a virtual environment activated, if there is one."""
    active = {name: value for name, value in environment.items() if name != "PYTHONHOME"}
    if venv is not None:
        active["VIRTUAL_ENV"] = str(venv)
        active["PATH"] = f"{venv / 'bin'}{os.pathsep}{active.get('PATH', os.defpath)}"
    return active


def venv_path(root: str, options: Mapping[str, Any]) -> Path | None:
    """Return the virtual environment that a project's options name, whether it exists or not."""
    name = options.get("virtualenv") or (".venv" if options.get("toolchain") == "uv" else None)
    return Path(root, str(name)) if name else None


def resolve(root: str, options: Mapping[str, Any]) -> ProgramPython:
    """Return a project's interpreter. Raises NoInterpreter."""
    venv = venv_path(root, options)
    if venv is None:
        return ProgramPython(Path(sys.executable), None)
    executable = venv / "bin" / "python"
    if not executable.exists():
        raise NoInterpreter(
            f"Pulumi.yaml names the virtual environment {venv}, but {executable} does not exist. "
            "Create it with `make setup` (or `pulumi install`)."
        )
    return ProgramPython(executable, venv)


_FACTS = """
import importlib.metadata, json, sys
print(json.dumps({
    "executable": sys.executable,
    "version": ".".join(map(str, sys.version_info[:3])),
    "packages": {d.name: d.version for d in importlib.metadata.distributions() if d.name},
}))
"""

# Packages of resource providers contain a pulumi-plugin.json with the plugin that they need.
_PLUGINS = """
import json, pathlib, sysconfig
site = pathlib.Path(sysconfig.get_path("purelib"))
plugins = [json.loads(path.read_text()) for path in sorted(site.glob("*/pulumi-plugin.json"))]
print(json.dumps([plugin for plugin in plugins if plugin.get("resource")]))
"""
