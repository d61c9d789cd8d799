"""The project that a command works on: the folder of Pulumi.yaml, found from where the person stands."""

import os
from pathlib import Path

import yaml

from pnodes.engine.paths import ROOT

STACK = "sandbox"
"""The stack of the sandbox; its settings are committed in Pulumi.sandbox.yaml."""


def project_folder(start: Path | None = None) -> Path:
    """The nearest folder upwards that has a Pulumi.yaml, as `pulumi` looks for it; else this checkout."""
    here = (start or Path.cwd()).resolve()
    return next((folder for folder in (here, *here.parents) if (folder / "Pulumi.yaml").is_file()), ROOT)


def shown(path: Path) -> str:
    """A path as a person writes it: from where they stand, else from their home, else in full."""
    if path.is_relative_to(Path.cwd()):
        return path.relative_to(Path.cwd()).as_posix()
    return f"~/{path.relative_to(Path.home()).as_posix()}" if path.is_relative_to(Path.home()) else str(path)


def project_name(folder: Path) -> str:
    """The `name` in Pulumi.yaml."""
    settings = yaml.safe_load((folder / "Pulumi.yaml").read_text())
    return str(settings["name"])


def sandbox_home(folder: Path | None = None) -> Path:
    """Where the sandbox keeps its state: PNODES_SANDBOX_HOME, or `.sandbox` beside Pulumi.yaml."""
    chosen = os.environ.get("PNODES_SANDBOX_HOME")
    return Path(chosen).expanduser().resolve() if chosen else (folder or project_folder()) / ".sandbox"
