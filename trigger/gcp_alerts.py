"""Alerts on Google Cloud: addresses in Secret Manager, and e-mails by Cloud Monitoring, which reads the trigger's log.

An alert policy of Cloud Monitoring matches the log lines that `mail` writes, and sends their text.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import quote

from trigger.alert_channels import Alert, build_mail_line
from trigger.alerts import Alerts
from trigger.core import Trigger
from trigger.job_runs import JobRun
from trigger.table import Row

_CONSOLE = "https://console.cloud.google.com"


class Evidence:
    """What Google's console shows of a run."""

    def __init__(self, parent: str) -> None:
        _, self._project, _, self._location = parent.split("/")

    def read_log(self, row: Row, run: JobRun) -> list[str]:
        """Return nothing: the right to read a job's log would include all logs of the project."""
        return []

    def link(self, row: Row, run: JobRun | None) -> str:
        """Return the page of an execution with its log, or of the job."""
        page = f"executions/details/{self._location}/{run.job.rsplit('/', 1)[-1]}" if run else ""
        page = page or f"details/{self._location}/{row.job}/executions"
        return f"{_CONSOLE}/run/jobs/{page}?project={quote(self._project)}"


def build_alerts(trigger: Trigger, parent: str, read_secret: Callable[[str], str]) -> Alerts:
    """Return the region's alerts. A reference of an address is the secret's name."""

    def mail(reference: str, alert: Alert) -> None:
        trigger.note(build_mail_line(reference, alert))

    return Alerts(trigger, Evidence(parent), read_secret, mail, time.time)
