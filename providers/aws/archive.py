"""The trigger's code, packed for Lambda."""

from __future__ import annotations

from trigger.archive import SHARED, Archive

ARCHIVE = Archive("aws.py", "index.py", (*SHARED, "aws_alerts.py", "aws_watch.py"))
