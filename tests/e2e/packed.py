"""Unpacks files for tests that search for keys, which compression would hide."""

from __future__ import annotations

import gzip
import io
import zipfile


def contents(raw: bytes) -> list[bytes]:
    """Return a file's bytes and, for gzip (layers, archives) and zip, the unpacked content."""
    if raw[:2] == b"\x1f\x8b":
        return [raw, gzip.decompress(raw)]
    if raw[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(raw)) as packed:
            return [raw, *(packed.read(name) for name in packed.namelist())]
    return [raw]
