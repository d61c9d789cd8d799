"""Alerts on Azure: addresses in Key Vault, and e-mails by an alert rule with an action group, which reads the log.

The rule queries the app's log for the lines that `mail` writes.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from trigger.alert_channels import Alert, build_mail_line
from trigger.alerts import Alerts
from trigger.core import Trigger
from trigger.job_runs import JobRun
from trigger.table import Row


class Evidence:
    """What Azure's portal shows of a run."""

    def read_log(self, row: Row, run: JobRun) -> list[str]:
        """Return nothing: Log Analytics has a run's lines only minutes later."""
        return []

    def link(self, row: Row, run: JobRun | None) -> str:
        """Return the page with the job's executions and their logs."""
        return f"https://portal.azure.com/#resource{row.job}/executionHistory"


def build_alerts(trigger: Trigger, read_secret: Callable[[str], str]) -> Alerts:
    """Return the region's alerts. A reference of an address is the secret's URL."""

    def mail(reference: str, alert: Alert) -> None:
        trigger.note(build_mail_line(reference, alert))

    return Alerts(trigger, Evidence(), read_secret, mail, time.time)
