"""Versions of the engine: the oldest supported one, the pinned one, and that of an installed engine."""

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
    """A version; a pre-release sorts before its release."""

    major: int
    minor: int
    patch: int
    release: bool = True

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}" + ("" if self.release else " (pre-release)")


MINIMUM = Version(3, 259, 0)
"""The oldest engine that this project supports. An older `pulumi` on PATH is not used."""


def parse(text: str) -> Version | None:
    """Parse a version such as `v3.259.0` or `3.260.0-alpha.1+abc`; returns None for anything else."""
    match = _FORM.match(text.strip())
    if match is None:
        return None
    major, minor, patch = (int(part) for part in match.groups()[:3])
    return Version(major, minor, patch, release=match.group(4) is None)


def query(pulumi: Path) -> Version | None:
    """Return the version that `pulumi version` prints; None if the command fails or prints something else."""
    try:
        file = pulumi.stat()
        return parse(_ask(str(pulumi), file.st_mtime_ns, file.st_ino))
    except (OSError, subprocess.SubprocessError):
        return None


@functools.cache
def _ask(pulumi: str, _changed: int, _inode: int) -> str:
    """Run `pulumi version`, which takes a sixth of a second, once for each file."""
    return subprocess.run([pulumi, "version"], capture_output=True, text=True, timeout=_ASK_TIMEOUT, check=True).stdout


@functools.cache
def pinned(module: Path = GO_MODULE) -> Version:
    """Return the engine's version in the Go tools module, which the build sets as its version."""
    text = (module / "go.mod").read_text()
    match = re.search(r"^\s*github\.com/pulumi/pulumi/pkg/v3 (v\S+)", text, re.MULTILINE)
    version = parse(match.group(1)) if match else None
    if version is None:
        raise ValueError(f"{module / 'go.mod'} does not require a version of github.com/pulumi/pulumi/pkg/v3")
    return version
