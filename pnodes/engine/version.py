"""Versions of the engine: which are new enough, which one is installed, and how to compare two."""

import functools
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from pnodes.engine.paths import GO_MODULE

_FORM = re.compile(r"v?(\d+)\.(\d+)\.(\d+)(-[0-9A-Za-z.-]+)?")
_ASK_TIMEOUT = 30


@dataclass(frozen=True, order=True)
class Version:
    """Three numbers, and whether it is a release (a pre-release sorts before its release)."""

    major: int
    minor: int
    patch: int
    release: bool = True

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}" + ("" if self.release else " (pre-release)")


MINIMUM = Version(3, 259, 0)
"""The oldest engine this project is tested with. An older `pulumi` on PATH is left alone and not used."""


def parse(text: str) -> Version | None:
    """`v3.259.0`, `3.260.0-alpha.1+abc` and the like; None for anything else."""
    match = _FORM.match(text.strip())
    if match is None:
        return None
    major, minor, patch = (int(part) for part in match.groups()[:3])
    return Version(major, minor, patch, release=match.group(4) is None)


def ask(pulumi: Path) -> Version | None:
    """What `pulumi version` says; None when it does not run or says nothing that can be read."""
    try:
        answer = subprocess.run(
            [str(pulumi), "version"], capture_output=True, text=True, timeout=_ASK_TIMEOUT, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return parse(answer.stdout)


@functools.cache
def pinned(module: Path = GO_MODULE) -> Version:
    """The engine's version in the tools module, which is also what the build is stamped with."""
    text = (module / "go.mod").read_text()
    match = re.search(r"^\s*github\.com/pulumi/pulumi/pkg/v3 (v\S+)", text, re.MULTILINE)
    version = parse(match.group(1)) if match else None
    if version is None:
        raise ValueError(f"{module / 'go.mod'} does not require github.com/pulumi/pulumi/pkg/v3 at a version")
    return version
