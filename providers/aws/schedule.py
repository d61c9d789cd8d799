"""A cron line of five fields as EventBridge Scheduler writes it: six fields, one of the day fields a question mark."""

from __future__ import annotations

from nodefile import Schedule
from nodefile.cron import read

MAX_LENGTH = 256
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


class NotOnAws(ValueError):
    """The line means something that EventBridge Scheduler cannot say; the sentence says what."""


def expression(schedule: Schedule) -> str:
    """cron(minute hour day month weekday year). Raises NotOnAws."""
    cron = read(schedule.cron)
    every_day, every_weekday = len(cron.day) == 31, len(cron.weekday) == 7
    day, weekday = "*", "?"
    if not cron.any_day and not cron.any_weekday:
        # Cron fires when either field matches; EventBridge takes only one of the two.
        if not every_day and not every_weekday:
            raise NotOnAws(
                f'"{schedule.cron}" sets both the day of the month and the weekday, which cron reads as either and '
                "AWS cannot say; set one of the two to *"
            )
    elif not cron.any_weekday and not every_weekday:
        day, weekday = "?", ",".join(_WEEKDAYS[number] for number in sorted(cron.weekday))
    elif not every_day:
        day = _field(cron.day, 31)
    minute, hour, month = _field(cron.minute, 60), _field(cron.hour, 24), _field(cron.month, 12)
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
