"""Build contexts as the archives that the clouds' builders get."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping


def packed(files: Mapping[str, str]) -> bytes:
    """Pack a build context into the archive that the clouds' builders get."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(text.encode()), 0o755 if name.endswith(".sh") else 0o644
            archive.addfile(entry, io.BytesIO(text.encode()))
    return buffer.getvalue()
