"""Reads a five-field cron expression and says when it was last due in a time zone.

Standard library only: Azure's timers know UTC only, so the trigger there ticks at every UTC time that a schedule could
fall on and asks this module whether it does. Clock changes follow cron's custom: a time that is skipped in spring runs
at the moment it would have been, one that comes twice in autumn runs the first time only.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


def fields(cron: str) -> tuple[frozenset[int], ...]:
    """Minutes, hours, days of the month, months and days of the week (Sunday is 0) of an expression."""
    parts = cron.lower().split()
    if len(parts) != len(_RANGES):
        raise ValueError(f'"{cron}" has {len(parts)} fields, a cron expression has five')
    return tuple(_field(part, *_RANGES[index], index) for index, part in enumerate(parts))


def _field(text: str, low: int, high: int, index: int) -> frozenset[int]:
    values: set[int] = set()
    for item in text.split(","):
        span, _, step = item.partition("/")
        first, _, last = span.partition("-")
        if span == "*":
            start, end = low, high
        else:
            start = _number(first, index)
            end = _number(last, index) if last else (high if step else start)
        if not low <= start <= end <= high or (step and int(step) < 1):
            raise ValueError(f'"{item}" is not within {low}-{high}')
        values.update(range(start, end + 1, int(step or 1)))
    return frozenset({0 if value == 7 else value for value in values} if index == 4 else values)


def _number(text: str, index: int) -> int:
    if index == 3 and text in _MONTHS:
        return _MONTHS.index(text) + 1
    return _DAYS.index(text) if index == 4 and text in _DAYS else int(text)


def matches(cron: str, local: datetime) -> bool:
    """Whether a wall-clock time (its minute) is one of the expression's."""
    minutes, hours, days, months, weekdays = fields(cron)
    _, _, day_text, _, weekday_text = cron.split()
    day, weekday = local.day in days, local.isoweekday() % 7 in weekdays
    # Cron's rule: when both days are restricted, either will do.
    either = day_text != "*" and weekday_text != "*"
    on_day = (day or weekday) if either else (day and weekday)
    return local.minute in minutes and local.hour in hours and local.month in months and on_day


def due(cron: str, timezone: str, at: datetime) -> bool:
    """Whether the schedule is due in the minute of `at` (with time zone)."""
    zone = ZoneInfo(timezone)
    minute = at.astimezone(UTC).replace(second=0, microsecond=0)
    # The wall clock now, and the one that a change of the clocks within the last day has put away.
    for offset in {moment.astimezone(zone).utcoffset() for moment in (minute, minute - timedelta(days=1))}:
        wall = (minute + (offset or timedelta())).replace(tzinfo=None)
        if matches(cron, wall) and wall.replace(tzinfo=zone, fold=0).astimezone(UTC) == minute:
            return True
    return False


def last_due(cron: str, timezone: str, now: datetime, within: timedelta) -> datetime | None:
    """The latest minute up to `now`, not older than `within`, in which the schedule was due."""
    minute = now.astimezone(UTC).replace(second=0, microsecond=0)
    oldest = now - within
    while minute > oldest:
        if due(cron, timezone, minute):
            return minute
        minute -= timedelta(minutes=1)
    return None
