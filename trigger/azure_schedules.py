"""The scheduled runs on Azure, whose timers know only UTC and fixed times."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from trigger.calls import Response
from trigger.core import Trigger
from trigger.cron import last_due
from trigger.table import Row

# The longest delay of a scheduled run after an outage. A run that was already started is known by its claim.
_LATE = timedelta(minutes=15)
_log = logging.getLogger("trigger")


class Schedules:
    """Starts the scheduled runs of the nodes in the table."""

    def __init__(self, trigger: Trigger) -> None:
        self._trigger = trigger
        self._served: datetime | None = None

    def tick(self, now: datetime) -> list[Response]:
        """Start the runs that have become due since the last tick, and again those whose start failed then."""
        since = max(self._served or now - _LATE, now - _LATE)
        due = [(row, when) for row in self._trigger.list_rows() if (when := _find_due(row, now, now - since))]
        responses = [self._trigger.run_schedule(row.model_id, f"{when:%Y-%m-%dT%H:%M:00Z}") for row, when in due]
        if all(response.status < 500 for response in responses):
            self._served = now
        return responses


def _find_due(row: Row, now: datetime, within: timedelta) -> datetime | None:
    if not row.cron or row.enabled != "yes":
        return None
    try:
        return last_due(row.cron, row.timezone, now, within)
    except (ValueError, KeyError) as error:  # such as an unknown time zone
        _log.error("%s: the schedule cannot be read: %s", row.node, error)
        return None
