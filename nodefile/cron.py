"""Cron lines of five fields (minute hour day month weekday): read, checked, and compared with a time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from nodefile.problems import shown

_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))
_NAMES = {
    "month": ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    "weekday": ["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
}
_PART = re.compile(r"(\*|[0-9a-z]+(?:-[0-9a-z]+)?)(?:/([0-9]{1,4}))?", re.IGNORECASE)
_SHORTHANDS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_SIX = (
    " Six fields are the clouds' own forms. Of AWS's leave out the last one (the year), write * for ?, and take 1 from "
    "each weekday's number (its Sunday is 1, here 0); of Azure's leave out the first one (the second)."
)


@dataclass(frozen=True)
class Cron:
    """The values of each field; weekday 0 is Sunday. `any_day` and `any_weekday`: the field was `*`."""

    text: str
    minute: frozenset[int]
    hour: frozenset[int]
    day: frozenset[int]
    month: frozenset[int]
    weekday: frozenset[int]
    any_day: bool
    any_weekday: bool

    def matches(self, moment: datetime) -> bool:
        """Whether the line fires in this minute, by cron's rule: with both day fields set, either is enough."""
        day = moment.day in self.day
        weekday = moment.isoweekday() % 7 in self.weekday
        either = (day or weekday) if not self.any_day and not self.any_weekday else (day and weekday)
        return moment.minute in self.minute and moment.hour in self.hour and moment.month in self.month and either


def read(text: str) -> Cron:
    """Read a cron line. Raises ValueError with what was expected."""
    line = " ".join(text.split())
    inner = re.fullmatch(r"(?:cron|rate)\((.*)\)", line, re.IGNORECASE)
    if inner:
        raise ValueError(
            f'expected a cron line of five fields such as "0 14 * * 2-6", got {shown(text)}, which is AWS\'s own form. '
            "Leave out cron(), the year and every ?, and count weekdays from 0 (Sunday)."
        )
    fields = _SHORTHANDS.get(line.lower(), line).split(" ")
    if len(fields) != 5:
        six = _SIX if len(fields) == 6 else ""
        raise ValueError(
            "expected a cron line of five fields (minute hour day month weekday) "
            f'such as "0 14 * * 2-6", got {len(fields)} in {shown(text)}.{six}'
        )
    sets = [_field(part, *spec) for part, spec in zip(fields, _FIELDS, strict=True)]
    minute, hour, day, month, weekday = sets
    weekday = frozenset(value % 7 for value in weekday)
    shortest = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}
    if fields[4] == "*" and all(min(day) > shortest.get(value, 31) for value in month):
        raise ValueError(f"{shown(text)} never fires: its months have no such day.")
    return Cron(" ".join(fields), minute, hour, day, month, weekday, fields[2] == "*", fields[4] == "*")


def _field(text: str, name: str, low: int, high: int) -> frozenset[int]:
    values: set[int] = set()
    for part in text.split(","):
        found = _PART.fullmatch(part)
        if part == "?":
            raise ValueError(f'{name} "?" is AWS\'s form; write * instead.')
        if found is None:
            raise ValueError(f"{name} {shown(part)} is not *, a number, a range or a step such as */15.")
        step = int(found[2] or 1)
        if step < 1:
            raise ValueError(f"{name} {shown(part)} has a step of zero.")
        if found[1] == "*":
            first, last = low, high
        else:
            begin, _, end = found[1].partition("-")
            first = _number(begin, name, low, high)
            last = _number(end, name, low, high) if end else (high if found[2] else first)
        if first > last:
            raise ValueError(f"{name} {shown(part)} ends before it begins.")
        values |= set(range(first, last + 1, step))
    return frozenset(values)


def _number(text: str, name: str, low: int, high: int) -> int:
    names = _NAMES.get(name, [])
    if text.lower() in names:
        return names.index(text.lower()) + (1 if name == "month" else 0)
    if not text.isdigit() or len(text) > 4 or not low <= int(text) <= high:
        raise ValueError(f"{name} {shown(text)} is not between {low} and {high}.")
    return int(text)
