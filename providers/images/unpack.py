"""Unpacks a build context and keeps every entry inside the target folder.

Python's tarfile checks this with an extraction filter, which versions before 3.11.4 lack (Debian 12 has 3.11.2). Those
versions use a backport of the same code.
"""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import IO

if not hasattr(tarfile, "tar_filter"):
    from backports import tarfile  # type: ignore[no-redef]


class UnpackError(Exception):
    """The archive is damaged or has an entry outside the folder; the message says which."""


def unpack(archive: IO[bytes], folder: Path) -> None:
    """Unpack a tar archive, compressed or not, with modes and links. Raises UnpackError."""
    try:
        with tarfile.open(fileobj=archive) as bundle:
            bundle.extractall(folder, filter="tar")
    except (tarfile.TarError, EOFError) as error:
        raise UnpackError(str(error)) from error
