"""The project that a command works on: the folder that contains Pulumi.yaml, searched from the working directory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from pnodes.engine.paths import ROOT
from pnodes.errors import UserError

if TYPE_CHECKING:
    from nodefile import NodeFile

OWN_FOLDER = ".pnodes"
"""The folder for what this program keeps beside nodes.yaml, never part of an image."""


def project_folder(start: Path | None = None) -> Path:
    """Return the nearest folder upwards that contains Pulumi.yaml, as `pulumi` does; this checkout if there is none."""
    start = (start or Path.cwd()).resolve()
    return next((folder for folder in (start, *start.parents) if (folder / "Pulumi.yaml").is_file()), ROOT)


def shorten_path(path: Path) -> str:
    """Return a path relative to the working directory, or to the home directory as ~/..., or in full."""
    if path.is_relative_to(Path.cwd()):
        return path.relative_to(Path.cwd()).as_posix()
    return f"~/{path.relative_to(Path.home()).as_posix()}" if path.is_relative_to(Path.home()) else str(path)


def make_own_folder(folder: Path) -> Path:
    """Return `.pnodes/` in a project's folder; creates it if necessary, with a .gitignore."""
    own = folder / OWN_FOLDER
    own.mkdir(parents=True, exist_ok=True)
    ignore = own / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n")
    return own


def project_name(folder: Path) -> str:
    """Return the `name` in Pulumi.yaml."""
    settings = yaml.safe_load((folder / "Pulumi.yaml").read_text())
    return str(settings["name"])


def list_stacks(folder: Path) -> tuple[str, ...]:
    """Return the stacks that nodes.yaml names; none if one stack has all nodes, or if the file is invalid."""
    path = folder / "nodes.yaml"
    if not path.is_file() or b"stacks:" not in path.read_bytes():
        return ()  # without the parser, which takes 0.2 s to import
    from nodefile import parse

    file, _ = parse(path)
    return file.stacks if file else ()


def select_nodes(file: NodeFile, stack: str) -> NodeFile:
    """Return the file with one stack's nodes only. Raises UserError if it has other stacks."""
    from nodefile import NodeFileError

    try:
        return file.select(stack)
    except NodeFileError as error:
        raise UserError(str(error), 2) from None


def load_nodes(file: Path | None = None) -> NodeFile:
    """Read a file (by default nodes.yaml beside Pulumi.yaml) and check it for all clouds. Raises UserError."""
    from nodefile import NodeFileError
    from providers.checks import load_checked

    folder = project_folder(file.parent if file else None)
    try:
        return load_checked(file or folder / "nodes.yaml", project_name(folder))
    except NodeFileError as error:
        raise UserError(f"nodes.yaml has mistakes:\n{error}", 2) from None
