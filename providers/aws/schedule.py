"""Converts a five-field cron line to EventBridge Scheduler's form: six fields, with `?` in one of the day fields."""

from __future__ import annotations

from nodefile import Schedule
from trigger.cron import fields

_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


class NotOnAws(ValueError):
    """EventBridge Scheduler cannot express the cron line. The sentence says why."""


def write_expression(schedule: Schedule) -> str:
    """Return `cron(minute hour day month weekday year)`. Raises NotOnAws."""
    minutes, hours, days, months, weekdays = fields(schedule.cron)
    _, _, any_day, _, any_weekday = (text == "*" for text in schedule.cron.split())
    every_day, every_weekday = len(days) == 31, len(weekdays) == 7
    day, weekday = "*", "?"
    if not any_day and not any_weekday:
        # Cron runs if either field matches; EventBridge accepts only one of the two.
        if not every_day and not every_weekday:
            raise NotOnAws(
                f'"{schedule.cron}" sets both the day of the month and the weekday, of which cron needs only one to '
                "match. AWS cannot express this; set one of the two to *"
            )
    elif not any_weekday and not every_weekday:
        day, weekday = "?", ",".join(_WEEKDAYS[number] for number in sorted(weekdays))
    elif not every_day:
        day = _field(days, 31)
    minute, hour, month = _field(minutes, 60), _field(hours, 24), _field(months, 12)
    return f"cron({minute} {hour} {day} {month} {weekday} *)"


def _field(values: frozenset[int], size: int) -> str:
    """Return `*` for all values, otherwise numbers and ranges."""
    if len(values) == size:
        return "*"
    runs: list[list[int]] = []
    for value in sorted(values):
        if runs and value == runs[-1][1] + 1:
            runs[-1][1] = value
        else:
            runs.append([value, value])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in runs)
