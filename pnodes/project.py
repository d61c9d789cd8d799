"""The project that a command works on: the folder of Pulumi.yaml, found from where the person stands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from pnodes.engine.paths import ROOT
from pnodes.errors import UserError

if TYPE_CHECKING:
    from nodefile import NodeFile


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


def load_nodes(file: Path | None = None) -> NodeFile:
    """Read a file, nodes.yaml beside Pulumi.yaml if None, with the checks of all clouds. Raises UserError."""
    from nodefile import NodeFileError
    from providers.checks import load_checked

    folder = project_folder(file.parent if file else None)
    try:
        return load_checked(file or folder / "nodes.yaml", project_name(folder))
    except NodeFileError as error:
        raise UserError(f"nodes.yaml has mistakes:\n{error}", 2) from None
