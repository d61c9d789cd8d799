"""Finds an engine that is there already: on PATH, or one that this project has put into `.tools/`.

An engine needs its language host (`pulumi-language-python`) beside it or on PATH; without, it cannot run a Python
program. This takes a fraction of a second, so that it can be asked before every command.
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
        """Where it comes from, in words."""
        return {
            "PATH": "found on PATH",
            "official": "from the official installer",
            "built": "built from the pinned Go module",
        }[self.source]


@dataclass(frozen=True)
class Rejected:
    """A `pulumi` on PATH that is not used, and why (half a sentence)."""

    path: Path
    reason: str


def on_path(search: str | None = None, own: Path = ENGINE_HOME) -> Engine | Rejected | None:
    """The first `pulumi` on PATH that is not our own."""
    search = os.environ.get("PATH", "") if search is None else search
    elsewhere = os.pathsep.join(
        folder for folder in search.split(os.pathsep) if folder and not Path(folder).resolve().is_relative_to(own)
    )
    found = shutil.which("pulumi", path=elsewhere)
    if found is None:
        return None
    pulumi = Path(found)
    version_found = version.ask(pulumi)
    if version_found is None:
        return Rejected(pulumi, "it does not say its version")
    if version_found < MINIMUM:
        return Rejected(pulumi, f"it is {version_found}, and {MINIMUM} or newer is needed")
    if shutil.which(LANGUAGE_HOST, path=elsewhere) is None and not (pulumi.resolve().parent / LANGUAGE_HOST).exists():
        return Rejected(pulumi, f"its language host {LANGUAGE_HOST} is neither beside it nor on PATH")
    return Engine(pulumi, version_found, "PATH")


def installed(home: Path = ENGINE_HOME) -> Engine | None:
    """The engine in `.tools/`, if it is whole and new enough. A built one gets the current executables beside it."""
    folder, built = engine_bin(home), (home / "built").exists()
    if built and folder.is_dir():
        shims.write(folder)
    if not all((folder / name).exists() for name in ("pulumi", LANGUAGE_HOST, DYNAMIC_PROVIDER)):
        return None
    found = version.ask(folder / "pulumi")
    if found is None or found < MINIMUM:
        return None
    return Engine(folder / "pulumi", found, "built" if built else "official")


def find() -> Engine | None:
    """The engine that `ensure` would use without installing anything."""
    candidate = on_path()
    return candidate if isinstance(candidate, Engine) else installed()
