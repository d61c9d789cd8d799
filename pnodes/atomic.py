"""Writes files whole or not at all."""

import os
import tempfile
from pathlib import Path


def write(path: Path, document: str) -> None:
    """Write the file atomically. Raises OSError."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(document)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
