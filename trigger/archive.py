"""Packs a cloud's trigger: the modules of this package that its runtime needs, and the file that it looks for.

The archive depends only on the text of these files, so it is the same byte for byte on every machine. GET /health of a
deployed trigger returns the archive's digest, so a deployment can verify that the new code is running.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from trigger.package import hash_files

_HERE = Path(__file__).parent
_FIXED_DATE = (1980, 1, 1, 0, 0, 0)
SHARED = (
    *("__init__", "alert_channels", "alerts", "calls", "claims", "core", "history", "http_call", "job_runs"),
    *("numerai_api", "partner", "starts", "table", "watch"),
)
"""The modules that every cloud's archive has."""


@dataclass(frozen=True)
class Archive:
    """A cloud's trigger. The cloud's modules are `<cloud>`, `<cloud>_alerts` and `<cloud>_watch` in this package."""

    cloud: str
    entry: str
    """The file that the runtime looks for"""
    function: str
    """What the runtime looks for in it, which is in the module `<cloud>`"""
    modules: tuple[str, ...] = ()
    """Further modules"""
    extra: Mapping[str, str] = field(default_factory=dict)
    """File name -> text. No text may be empty: Pulumi's Python SDK rejects empty assets in an archive."""

    def files(self) -> dict[str, str]:
        """Return the texts by file name, sorted by name."""
        names = (*SHARED, *self.modules, *(f"{self.cloud}{part}" for part in ("", "_alerts", "_watch")))
        texts = {f"trigger/{name}.py": (_HERE / f"{name}.py").read_text(encoding="utf-8") for name in names}
        texts[self.entry] = f"from trigger.{self.cloud} import {self.function}\n"
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
        return hash_files({name: text.encode() for name, text in self.files().items()})
