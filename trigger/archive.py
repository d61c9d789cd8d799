"""Packs a cloud's trigger: `core`, the cloud's entry point, and the files that its runtime needs.

The archive depends only on the text of these files, so it is the same byte for byte on every machine. GET /health of a
deployed trigger returns the archive's digest, so a deployment can verify that the new code is running.
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


SHARED = (
    *("alert_channels.py", "alerts.py", "core.py", "history.py", "http_call.py", "job_runs.py", "numerai_api.py"),
    *("partner.py", "watch.py"),
)
"""The modules that every cloud's archive has."""


@dataclass(frozen=True)
class Archive:
    """A cloud's trigger: its entry point in this folder, the name that the runtime expects for it, and other files."""

    source: str
    entry: str
    modules: tuple[str, ...]
    extra: Mapping[str, str] = field(default_factory=dict)
    """File name -> text. No text may be empty: Pulumi's Python SDK rejects empty assets in an archive."""

    def files(self) -> dict[str, str]:
        """Return the texts by file name, sorted by name."""
        sources = {self.entry: self.source, **{name: name for name in self.modules}}
        texts = {name: (_HERE / source).read_text(encoding="utf-8") for name, source in sources.items()}
        return dict(sorted({**texts, **self.extra}.items()))

    def package(self) -> bytes:
        """Return a zip with fixed dates, a fixed order and readable modes (Azure ignores files of mode 000)."""
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
        """Return the SHA-256 (hex) of names and texts, which does not depend on the compression library's version."""
        hashed = hashlib.sha256()
        for name, text in self.files().items():
            for part in (name.encode(), text.encode()):
                hashed.update(len(part).to_bytes(8, "big"))
                hashed.update(part)
        return hashed.hexdigest()
