"""What a file holds once it is unpacked: for tests that look for keys where compression would hide them."""

from __future__ import annotations

import gzip
import io
import zipfile


def contents(raw: bytes) -> list[bytes]:
    """A file's bytes as they are and, for gzip (layers, archives) and zip, what is packed in them."""
    if raw[:2] == b"\x1f\x8b":
        return [raw, gzip.decompress(raw)]
    if raw[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(raw)) as packed:
            return [raw, *(packed.read(name) for name in packed.namelist())]
    return [raw]
