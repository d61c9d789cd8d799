"""Fires the apps' timers: six-field NCRONTAB expressions in UTC, looked at every second while the daemon runs."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sandbox.azure import web
from sandbox.functions import FunctionFailed
from trigger.cron import matches

if TYPE_CHECKING:
    from sandbox.azure.cloud import AzureCloud

_LOG = logging.getLogger(__name__)


class Timers:
    """One thread for all apps."""

    def __init__(self, cloud: AzureCloud) -> None:
        self._cloud, self._stop = cloud, threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to look at the clock."""
        self._thread = threading.Thread(target=self._run, name="azure-timers", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _run(self) -> None:
        last = datetime.now(UTC).replace(second=0, microsecond=0)
        while not self._stop.wait(1.0):
            minute = datetime.now(UTC).replace(second=0, microsecond=0)
            if minute > last:
                last = minute
                self.tick(minute)

    def tick(self, minute: datetime) -> None:
        """Fire what is due in a minute."""
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
