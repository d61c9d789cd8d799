"""A cron line of five fields as EventBridge Scheduler writes it: six fields, one of the day fields a question mark."""

from __future__ import annotations

from nodefile import Schedule
from trigger.cron import fields

MAX_LENGTH = 256
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


class NotOnAws(ValueError):
    """The line means something that EventBridge Scheduler cannot say; the sentence says what."""


def expression(schedule: Schedule) -> str:
    """cron(minute hour day month weekday year). Raises NotOnAws."""
    minutes, hours, days, months, weekdays = fields(schedule.cron)
    _, _, any_day, _, any_weekday = (text == "*" for text in schedule.cron.split())
    every_day, every_weekday = len(days) == 31, len(weekdays) == 7
    day, weekday = "*", "?"
    if not any_day and not any_weekday:
        # Cron fires when either field matches; EventBridge takes only one of the two.
        if not every_day and not every_weekday:
            raise NotOnAws(
                f'"{schedule.cron}" sets both the day of the month and the weekday, which cron reads as either and '
                "AWS cannot say; set one of the two to *"
            )
    elif not any_weekday and not every_weekday:
        day, weekday = "?", ",".join(_WEEKDAYS[number] for number in sorted(weekdays))
    elif not every_day:
        day = _field(days, 31)
    minute, hour, month = _field(minutes, 60), _field(hours, 24), _field(months, 12)
    return f"cron({minute} {hour} {day} {month} {weekday} *)"


def _field(values: frozenset[int], size: int) -> str:
    """`*` for all values, else numbers and ranges."""
    if len(values) == size:
        return "*"
    runs: list[list[int]] = []
    for value in sorted(values):
        if runs and value == runs[-1][1] + 1:
            runs[-1][1] = value
        else:
            runs.append([value, value])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in runs)
