"""Packs the trigger of a cloud: `core`, that cloud's entry, and the few files that its runtime wants.

The archive depends on nothing but the text of these files, so it is the same byte for byte on every machine; its digest
is what GET /health of a deployed trigger answers, which is how a deployment proves that the new code runs.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_HERE = Path(__file__).parent
_FIXED_DATE = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Archive:
    """The trigger of one cloud: its entry in this folder, the name its runtime expects, and what comes with it."""

    source: str
    entry: str
    modules: tuple[str, ...] = ("core.py",)
    extra: Mapping[str, str] = field(default_factory=dict)
    """File name -> text. No text is empty: Pulumi's Python SDK refuses an empty asset inside an archive."""

    def files(self) -> dict[str, str]:
        """File name -> text, in the order of their names."""
        sources = {self.entry: self.source, **{name: name for name in self.modules}}
        texts = {name: (_HERE / source).read_text(encoding="utf-8") for name, source in sources.items()}
        return dict(sorted({**texts, **self.extra}.items()))

    def package(self) -> bytes:
        """The archive as a zip: fixed dates and order, readable modes (Azure ignores files of mode 000)."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for name, text in self.files().items():
                entry = zipfile.ZipInfo(name, _FIXED_DATE)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.create_system = 3
                entry.external_attr = 0o100644 << 16
                archive.writestr(entry, text.encode())
        return buffer.getvalue()

    def digest(self) -> str:
        """SHA-256 (hex) over names and texts; independent of the compression library's version."""
        summed = hashlib.sha256()
        for name, text in self.files().items():
            for part in (name.encode(), text.encode()):
                summed.update(len(part).to_bytes(8, "big"))
                summed.update(part)
        return summed.hexdigest()
