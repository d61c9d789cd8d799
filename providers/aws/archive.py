"""The trigger's code, packed for Lambda."""

from __future__ import annotations

from trigger.archive import Archive

ARCHIVE = Archive("aws", "index.py", "handler")
