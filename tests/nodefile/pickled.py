"""Pickles of every Python version, made by make_pickles.py."""

from __future__ import annotations

import base64
import json
from pathlib import Path

_PICKLES: dict[str, dict[str, str]] = json.loads(Path(__file__).with_name("pickles.json").read_text())
VERSIONS = sorted(_PICKLES)


def write(path: Path, version: str, name: str = "predict") -> Path:
    """Write a pickle that this version of Python created, and return its path."""
    path.write_bytes(base64.b64decode(_PICKLES[version][name]))
    return path
