"""The digest by which a deployment recognises its code: GET /health of a trigger returns it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path


def hash_files(files: Mapping[str, bytes]) -> str:
    """Return the SHA-256 (hex) of names and contents in the order of the names."""
    hashed = hashlib.sha256()
    for name, content in sorted(files.items()):
        for part in (name.encode(), content):
            hashed.update(len(part).to_bytes(8, "big"))
            hashed.update(part)
    return hashed.hexdigest()


def hash_package(folder: Path) -> str:
    """Return the digest of the trigger's files in a folder on Azure. A missing file of the runtime counts as empty."""
    paths = [folder / name for name in ("function_app.py", "host.json", "requirements.txt")]
    paths += (folder / "trigger").glob("*.py")
    files = {path.relative_to(folder).as_posix(): path.read_bytes() if path.exists() else b"" for path in paths}
    return hash_files(files)
