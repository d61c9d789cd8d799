"""Secrets that a test plants, and every form in which they must not turn up: as they are, in base64 wherever they lie
in it, in addresses, in JSON (once and twice), backwards, in hexadecimal digits.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus

from tests.e2e.packed import contents


def forms(secret: str) -> Iterator[tuple[str, bytes]]:
    """Each form with what it is called."""
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
    # Base64 of a text depends on how many bytes come before it: of each way, the part that is the secret's alone.
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + raw)
        alone = encoded[(before * 8 + 5) // 6 : (before + len(raw)) * 8 // 6]
        yield f"in base64 after {before} bytes", alone
        yield f"in base64 for addresses after {before} bytes", alone.replace(b"+", b"-").replace(b"/", b"_")


class Planted:
    """Secrets by what they are called: what is found is told by that, never by its value."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self.forms = {f"{name} {how}": form for name, secret in secrets.items() for how, form in forms(secret)}

    def within(self, content: bytes | str) -> list[str]:
        """What a content, or what is packed in it, holds."""
        raw = content.encode() if isinstance(content, str) else content
        parts = contents(raw)
        return [what for what, form in self.forms.items() if any(form in part for part in parts)]

    def under(self, folder: Path) -> list[str]:
        """What the files of a folder hold; there must be some."""
        files = [path for path in folder.rglob("*") if path.is_file()]
        assert files, f"there is nothing in {folder} to look at"
        found = []
        for path in files:
            found += [f"{path.relative_to(folder)}: {what}" for what in self.within(path.read_bytes())]
            found += [f"the name {path.relative_to(folder)}: {what}" for what in self.within(str(path))]
        return found
