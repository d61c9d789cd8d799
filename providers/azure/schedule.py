"""When the timer of a trigger must tick so that no time of its schedule is missed.

Azure's timers know UTC only (WEBSITE_TIME_ZONE has no effect on Linux). A schedule in a time zone with summer time
therefore ticks at every UTC hour and minute at which its hours and minutes can fall, on every day, and the trigger
decides at each tick whether it is due (`trigger.cron`).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from nodefile import Schedule
from trigger.cron import fields

_YEARS = 10


def utc_ticks(schedule: Schedule) -> str:
    """The six fields (seconds first) of an NCRONTAB expression in UTC."""
    minutes, hours = fields(schedule.cron)[:2]
    offsets = utc_offsets(schedule.timezone)
    times = {(hour * 60 + minute - offset) % 1440 for hour in hours for minute in minutes for offset in offsets}
    ticks_minutes = sorted({time % 60 for time in times})
    ticks_hours = sorted({time // 60 for time in times})
    return f"0 {_field(ticks_minutes, 60)} {_field(ticks_hours, 24)} * * *"


def utc_offsets(timezone: str, now: datetime | None = None) -> set[int]:
    """The zone's differences to UTC in minutes, of this and the coming years."""
    zone = ZoneInfo(timezone)
    start = datetime((now or datetime.now(UTC)).year, 1, 1, 12, tzinfo=UTC)
    days = (start + timedelta(days=day) for day in range(0, _YEARS * 366, 7))
    return {round((offset.total_seconds() if (offset := day.astimezone(zone).utcoffset()) else 0) / 60) for day in days}


def _field(values: list[int], size: int) -> str:
    return "*" if len(values) == size else ",".join(map(str, values))
