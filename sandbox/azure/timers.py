"""Runs the apps' timers: six-field NCRONTAB expressions in UTC."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import TYPE_CHECKING

from sandbox.azure import web
from sandbox.clock import Clock
from sandbox.functions import FunctionFailed
from trigger.cron import matches

if TYPE_CHECKING:
    from sandbox.azure.cloud import AzureCloud

_LOG = logging.getLogger(__name__)


class Timers(Clock):
    """Runs the timers that are due, each minute while the daemon runs."""

    def __init__(self, cloud: AzureCloud) -> None:
        super().__init__("azure-timers")
        self._cloud = cloud

    def tick(self, minute: datetime) -> None:
        """Run the timers that are due in this minute (UTC)."""
        for site, timers in self._cloud.kernel.store.all("azure:timers").items():
            for function, schedule in timers.items():
                second, cron = schedule.split(" ", 1)
                if second == "0" and matches(cron, minute):
                    self.fire(site, function)

    def fire(self, site: str, function: str) -> None:
        """Run a timer's function now."""
        try:
            self._cloud.kernel.functions.request(web.key(site), "POST", f"/admin/functions/{function}", {}, b"{}")
        except (FunctionFailed, KeyError) as error:
            _LOG.warning("the timer %s of %s did not run: %s", function, site, error)
