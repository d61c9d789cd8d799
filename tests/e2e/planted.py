"""Secrets that a test plants, and every form in which they must not appear: unchanged, in base64 at any offset, in
URLs, in JSON (encoded once or twice), reversed and in hexadecimal.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus

from tests.e2e.packed import contents


def forms(secret: str) -> Iterator[tuple[str, bytes]]:
    """Yield each form with its name."""
    raw = secret.encode()
    quoted = json.dumps(secret)[1:-1]
    yield "as it is", raw
    yield "backwards", secret[::-1].encode()
    yield "in an address", quote(secret, safe="").encode()
    yield "in a form", quote_plus(secret).encode()
    yield "in JSON", quoted.encode()
    yield "in JSON with other letters as they are", json.dumps(secret, ensure_ascii=False)[1:-1].encode()
    yield "in JSON in JSON", json.dumps(quoted)[1:-1].encode()
    yield "in hexadecimal digits", raw.hex().encode()
    # Base64 of a text depends on the number of bytes before it; use the part of each variant that is only the secret's.
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + raw)
        alone = encoded[(before * 8 + 5) // 6 : (before + len(raw)) * 8 // 6]
        yield f"in base64 after {before} bytes", alone
        yield f"in base64 for addresses after {before} bytes", alone.replace(b"+", b"-").replace(b"/", b"_")


class Planted:
    """Secrets by name; results contain the names, never the values."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self.forms = {f"{name} {how}": form for name, secret in secrets.items() for how, form in forms(secret)}

    def within(self, content: bytes | str) -> list[str]:
        """Return the secrets in a content or in files that are packed in it."""
        raw = content.encode() if isinstance(content, str) else content
        parts = contents(raw)
        return [name for name, form in self.forms.items() if any(form in part for part in parts)]

    def under(self, folder: Path) -> list[str]:
        """Return the secrets in a folder's files; the folder must not be empty."""
        files = [path for path in folder.rglob("*") if path.is_file()]
        assert files, f"there is nothing in {folder} to look at"
        leaks = []
        for path in files:
            leaks += [f"{path.relative_to(folder)}: {name}" for name in self.within(path.read_bytes())]
            leaks += [f"the name {path.relative_to(folder)}: {name}" for name in self.within(str(path))]
        return leaks
