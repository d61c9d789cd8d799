"""Choose the local Python that replaces an image's, and find uv."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_TAG = re.compile(r"(?:^|/)(?:python:(3\.\d+)|numerai_predict_py_(3_\d+):)")


@dataclass(frozen=True)
class Python:
    """An interpreter on this machine; `minor` is its version, such as 3.12."""

    path: Path
    minor: str


def parse_image_version(base: str) -> str | None:
    """Return the minor version in a base image's name; None if it is not a Python image with a version."""
    match = _TAG.search(base)
    return (match[1] or match[2].replace("_", ".")) if match else None


def choose(wanted: str | None, uv: Path | None) -> Python:
    """Return this machine's Python of that minor version, or the one that runs this program if there is none."""
    own = Python(Path(sys.executable), f"{sys.version_info.major}.{sys.version_info.minor}")
    if wanted in (None, own.minor):
        return own
    assert wanted is not None
    candidates = [shutil.which(f"python{wanted}")]
    if uv is not None:
        candidates.append(
            _read_output([str(uv), "python", "find", "--system", "--no-python-downloads", "--quiet", wanted])
        )
    for candidate in filter(None, candidates):
        # Run it, since a name on PATH may belong to a version manager without that version.
        path = _read_output([candidate, "-c", "import sys; print(sys.executable)"])
        if path:
            return Python(Path(path), wanted)
    return own


def _read_output(command: list[str]) -> str:
    """Return the output of a command; empty if it fails."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def find_uv() -> Path | None:
    """Return the uv on PATH, or the one in this program's environment."""
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
