"""The trigger's code, packed for Cloud Run functions."""

from __future__ import annotations

from trigger.archive import Archive

ARCHIVE = Archive("gcp", "main.py", "webhook", extra={"requirements.txt": "functions-framework==3.*\n"})
