"""Uploads a file to a blob with a signed URL. Large files are uploaded in blocks, since a put is limited in size."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import tenacity

from providers.azure.arm import describe
from providers.images.following import BuildFailed

_BLOCK_BYTES = 32 * 1024 * 1024


class _PassingError(Exception):
    """A temporary error, for a retry. Its text is the sentence of the final error."""


def put_blob(props: dict[str, Any], url: str, file: Path) -> None:
    """Upload a node's source. Raises BuildFailed."""
    with httpx.Client(timeout=600) as client:
        try:
            if file.stat().st_size <= _BLOCK_BYTES:
                _put(client, url, file.read_bytes(), {"x-ms-blob-type": "BlockBlob"})
                return
            names = []
            for number, block in enumerate(_blocks(file)):
                names.append(base64.b64encode(f"{number:06}".encode()).decode())
                _put(client, f"{url}&comp=block&blockid={names[-1].replace('=', '%3D')}", block, {})
            blocks = "".join(f"<Latest>{name}</Latest>" for name in names)
            body = f'<?xml version="1.0" encoding="utf-8"?><BlockList>{blocks}</BlockList>'
            _put(client, f"{url}&comp=blocklist", body.encode(), {})
        except _PassingError as error:
            raise BuildFailed(
                f"the source of {props['node']} could not be uploaded: {error}. Run `pulumi up` again."
            ) from error


def _blocks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as handle:
        while block := handle.read(_BLOCK_BYTES):
            yield block


@tenacity.retry(
    retry=tenacity.retry_if_exception_type(_PassingError),
    wait=tenacity.wait_random_exponential(multiplier=1, max=20),
    stop=tenacity.stop_after_attempt(6),
    reraise=True,
)
def _put(client: httpx.Client, url: str, content: bytes, headers: dict[str, str]) -> None:
    try:
        answer = client.put(url, content=content, headers={"Content-Type": "application/gzip", **headers})
    except httpx.HTTPError as error:
        raise _PassingError(f"no answer ({error})") from error
    if answer.status_code == 429 or answer.status_code >= 500:
        raise _PassingError(describe(answer))
    if answer.status_code >= 400:
        raise BuildFailed(f"the source could not be uploaded: {describe(answer)}")
