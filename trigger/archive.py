"""Packs the trigger of a cloud: `core`, that cloud's entry, and the few files that its runtime wants.

The archive depends on nothing but the text of these files, so it is the same byte for byte on every machine; its digest
is what GET /health of a deployed trigger answers, which is how a deployment proves that the new code runs.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

_HERE = Path(__file__).parent
_ENTRY = {"aws": "index.py", "gcp": "main.py", "azure": "function_app.py"}
_MODULES = {"aws": ("core.py",), "gcp": ("core.py",), "azure": ("core.py", "cron.py")}
# Not an empty file: an empty asset inside an archive is refused by Pulumi's Python SDK.
_EXTRA = {
    "aws": {},
    "gcp": {"requirements.txt": "functions-framework==3.*\n"},
    "azure": {
        "requirements.txt": "azure-functions\n",
        "host.json": (
            '{"version":"2.0","functionTimeout":"00:01:00","extensions":{"http":{"routePrefix":""}},'
            '"logging":{"applicationInsights":{"samplingSettings":{"isEnabled":false},'
            # Without it every request's address is kept in Application Insights, and the webhook's holds its token.
            '"httpAutoCollectionOptions":{"enableHttpTriggerExtendedInfoCollection":false}}}}\n'
        ),
    },
}
_FIXED_DATE = (1980, 1, 1, 0, 0, 0)


def files(cloud: str) -> dict[str, str]:
    """File name -> text, in the order of their names. `cloud` is aws, gcp or azure."""
    sources = {_ENTRY[cloud]: (_HERE / f"{cloud}.py").read_text(encoding="utf-8")}
    sources |= {name: (_HERE / name).read_text(encoding="utf-8") for name in _MODULES[cloud]}
    return dict(sorted((sources | _EXTRA[cloud]).items()))


def package(cloud: str) -> bytes:
    """The archive as a zip: fixed dates and order, readable modes (Azure finds no function in files of mode 000)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, text in files(cloud).items():
            entry = zipfile.ZipInfo(name, _FIXED_DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, text.encode())
    return buffer.getvalue()


def digest(cloud: str) -> str:
    """SHA-256 (hex) over names and texts; independent of the compression library's version."""
    summed = hashlib.sha256()
    for name, text in files(cloud).items():
        for part in (name.encode(), text.encode()):
            summed.update(len(part).to_bytes(8, "big"))
            summed.update(part)
    return summed.hexdigest()
