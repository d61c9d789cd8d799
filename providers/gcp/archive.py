"""The trigger's code, packed for Cloud Run functions."""

from __future__ import annotations

from trigger.archive import SHARED, Archive

ARCHIVE = Archive(
    "gcp.py",
    "main.py",
    (*SHARED, "gcp_alerts.py", "gcp_watch.py"),
    extra={"requirements.txt": "functions-framework==3.*\n"},
)
