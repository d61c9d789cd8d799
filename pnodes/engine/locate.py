"""Find an installed engine: on PATH, or in `.tools/`, where this project installs its own.

To run a Python program, an engine needs its language host (`pulumi-language-python`) next to it or on PATH. The search
takes a fraction of a second, so that every command can begin with it.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pnodes.engine import shims, version
from pnodes.engine.paths import ENGINE_HOME, engine_bin
from pnodes.engine.shims import DYNAMIC_PROVIDER, LANGUAGE_HOST
from pnodes.engine.version import MINIMUM, Version

Source = Literal["PATH", "official", "built"]


@dataclass(frozen=True)
class Engine:
    """A `pulumi` that can run this project."""

    path: Path
    version: Version
    source: Source

    @property
    def bin(self) -> Path:
        """The folder to put on PATH."""
        return self.path.parent

    @property
    def origin(self) -> str:
        """The source in words."""
        return {
            "PATH": "found on PATH",
            "official": "from the official installer",
            "built": "built from the pinned Go module",
        }[self.source]


@dataclass(frozen=True)
class Rejected:
    """A `pulumi` on PATH that is not used; `reason` is a clause."""

    path: Path
    reason: str


def on_path(search: str | None = None, own: Path = ENGINE_HOME) -> Engine | Rejected | None:
    """Find the first `pulumi` on PATH outside the folder `own`; returns why if it cannot be used."""
    search = os.environ.get("PATH", "") if search is None else search
    elsewhere = os.pathsep.join(
        folder for folder in search.split(os.pathsep) if folder and not Path(folder).resolve().is_relative_to(own)
    )
    executable = shutil.which("pulumi", path=elsewhere)
    if executable is None:
        return None
    pulumi = Path(executable)
    installed_version = version.query(pulumi)
    if installed_version is None:
        return Rejected(pulumi, "`pulumi version` prints no version")
    if installed_version < MINIMUM:
        return Rejected(pulumi, f"it is {installed_version}, and {MINIMUM} or newer is needed")
    if shutil.which(LANGUAGE_HOST, path=elsewhere) is None and not (pulumi.resolve().parent / LANGUAGE_HOST).exists():
        return Rejected(pulumi, f"its language host {LANGUAGE_HOST} is neither next to it nor on PATH")
    return Engine(pulumi, installed_version, "PATH")


def installed(home: Path = ENGINE_HOME) -> Engine | None:
    """Return the engine in `.tools/` if it is complete and new enough; updates the shims of a built engine."""
    folder, built = engine_bin(home), (home / "built").exists()
    if built and folder.is_dir():
        shims.write(folder)
    if not all((folder / name).exists() for name in ("pulumi", LANGUAGE_HOST, DYNAMIC_PROVIDER)):
        return None
    installed_version = version.query(folder / "pulumi")
    if installed_version is None or installed_version < MINIMUM:
        return None
    return Engine(folder / "pulumi", installed_version, "built" if built else "official")


def find() -> Engine | None:
    """Return the engine that `ensure` would use without an installation, or None."""
    candidate = on_path()
    return candidate if isinstance(candidate, Engine) else installed()
