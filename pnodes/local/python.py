"""Which Python stands for an image's, and by which tool packages are installed into its environment."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_TAG = re.compile(r"(?:^|/)python:(3\.\d+)")


@dataclass(frozen=True)
class Python:
    """An interpreter of this machine; `minor` is 3.12 and the like."""

    path: Path
    minor: str


def of_image(base: str) -> str | None:
    """The minor version that a base image names; None when it is no image of Python."""
    found = _TAG.search(base)
    return found[1] if found else None


def choose(wanted: str | None, uv: Path | None) -> Python:
    """The Python of that minor version, if this machine has it, else the one that runs this program."""
    own = Python(Path(sys.executable), f"{sys.version_info.major}.{sys.version_info.minor}")
    if wanted in (None, own.minor):
        return own
    assert wanted is not None
    candidates = [shutil.which(f"python{wanted}")]
    if uv is not None:
        candidates.append(_said([str(uv), "python", "find", "--system", "--no-python-downloads", "--quiet", wanted]))
    for candidate in filter(None, candidates):
        # Asked, since a name on PATH may be a version manager's that has no such version.
        path = _said([candidate, "-c", "import sys; print(sys.executable)"])
        if path:
            return Python(Path(path), wanted)
    return own


def _said(command: list[str]) -> str:
    """The line that a command prints; empty when it fails."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def find_uv() -> Path | None:
    """uv on PATH, or the one that is installed beside this program."""
    on_path = shutil.which("uv")
    if on_path:
        return Path(on_path)
    if importlib.util.find_spec("uv") is None:
        return None
    import uv

    try:
        return Path(uv.find_uv_bin())
    except FileNotFoundError:
        return None
