"""Unpacks a build context, and lets no entry leave the folder that it is unpacked into.

Python's own tarfile checks this with an extraction filter, which versions before 3.11.4 do not have (Debian 12 has
3.11.2). There its backport, the same code, takes its place.
"""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import IO

if not hasattr(tarfile, "tar_filter"):
    from backports import tarfile  # type: ignore[no-redef]


class UnpackError(Exception):
    """The archive is damaged, or one of its entries lies outside the folder; the text says which."""


def unpack(archive: IO[bytes], folder: Path) -> None:
    """Unpack a tar, compressed or not, with its modes and links. Raises UnpackError."""
    try:
        with tarfile.open(fileobj=archive) as bundle:
            bundle.extractall(folder, filter="tar")
    except (tarfile.TarError, EOFError) as error:
        raise UnpackError(str(error)) from error
