"""Uploads a file to a blob with a signed URL. Large files are uploaded in blocks, since a put is limited in size."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from providers import https
from providers.azure.arm import ArmError, send
from providers.images.following import BuildFailed

_BLOCK_BYTES = 32 * 1024 * 1024


def put_blob(props: dict[str, Any], url: str, file: Path) -> None:
    """Upload a node's source. Raises BuildFailed."""
    with https.open_client(timeout=600, headers={"Content-Type": "application/gzip"}) as client:
        put = partial(send, client, 6, "PUT")
        try:
            if file.stat().st_size <= _BLOCK_BYTES:
                put(url, content=file.read_bytes(), headers={"x-ms-blob-type": "BlockBlob"})
                return
            names = []
            for number, block in enumerate(_blocks(file)):
                names.append(base64.b64encode(f"{number:06}".encode()).decode())
                put(f"{url}&comp=block&blockid={names[-1].replace('=', '%3D')}", content=block)
            blocks = "".join(f"<Latest>{name}</Latest>" for name in names)
            body = f'<?xml version="1.0" encoding="utf-8"?><BlockList>{blocks}</BlockList>'
            put(f"{url}&comp=blocklist", content=body.encode())
        except ArmError as error:
            hint = " Run `pulumi up` again." if error.passing else ""
            raise BuildFailed(f"the source of {props['node']} could not be uploaded: {error}.{hint}") from error


def _blocks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as handle:
        while block := handle.read(_BLOCK_BYTES):
            yield block
