"""Converts a cron line to the timer expression of the trigger, in UTC.

Azure's timers support only UTC (WEBSITE_TIME_ZONE has no effect on Linux). The timer therefore fires every day at all
UTC hours and minutes that can correspond to the schedule's, with and without daylight saving time, and the trigger
decides each time whether a run is due (`trigger.cron`).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from nodefile import Schedule
from trigger.cron import fields

_YEARS = 10


def write_expression(schedule: Schedule) -> str:
    """Return an NCRONTAB expression in UTC: six fields, of which the first is seconds."""
    minutes, hours = fields(schedule.cron)[:2]
    offsets = list_utc_offsets(schedule.timezone)
    times = {(hour * 60 + minute - offset) % 1440 for hour in hours for minute in minutes for offset in offsets}
    ticks_minutes = sorted({time % 60 for time in times})
    ticks_hours = sorted({time // 60 for time in times})
    return f"0 {_field(ticks_minutes, 60)} {_field(ticks_hours, 24)} * * *"


def list_utc_offsets(timezone: str, now: datetime | None = None) -> set[int]:
    """Return the zone's offsets from UTC in minutes, in this year and the coming years."""
    zone = ZoneInfo(timezone)
    start = datetime((now or datetime.now(UTC)).year, 1, 1, 12, tzinfo=UTC)
    days = (start + timedelta(days=day) for day in range(0, _YEARS * 366, 7))
    return {round((offset.total_seconds() if (offset := day.astimezone(zone).utcoffset()) else 0) / 60) for day in days}


def _field(values: list[int], size: int) -> str:
    return "*" if len(values) == size else ",".join(map(str, values))
