"""Checks the cron lines of nodes.yaml, with a sentence for each mistake.

The trigger's own reader, `trigger.cron`, decides what the five fields (minute hour day month weekday) mean.
"""

from __future__ import annotations

import re
from functools import lru_cache

from nodefile.problems import shown
from trigger import cron

_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))
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


def read(text: str) -> str:
    """A cron line as five fields, with `@daily` and its like written out. Raises ValueError with what was expected."""
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
    for index, field in enumerate(fields):
        for part in field.split(","):
            _check(part, index)
    line = " ".join(fields)
    _, _, days, months, _ = cron.fields(line)
    shortest = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}
    if fields[4] == "*" and all(min(days) > shortest.get(month, 31) for month in months):
        raise ValueError(f"{shown(text)} never fires: its months have no such day.")
    return line


def _check(part: str, index: int) -> None:
    """Raise ValueError for a part of a field that the trigger cannot read."""
    name, low, high = _FIELDS[index]
    split = _PART.fullmatch(part)
    if part == "?":
        raise ValueError(f'{name} "?" is AWS\'s form; write * instead.')
    if split is None:
        raise ValueError(f"{name} {shown(part)} is not *, a number, a range or a step such as */15.")
    if split[2] and int(split[2]) == 0:
        raise ValueError(f"{name} {shown(part)} has a step of zero.")
    for end in split[1].split("-"):
        if not _is_read(end, index):
            raise ValueError(f"{name} {shown(end)} is not between {low} and {high}.")
    if not _is_read(part, index):
        raise ValueError(f"{name} {shown(part)} ends before it begins.")


@lru_cache
def _is_read(part: str, index: int) -> bool:
    """Whether the trigger can read this as a part of the field."""
    fields = ["*"] * len(_FIELDS)
    fields[index] = part
    try:
        cron.fields(" ".join(fields))
    except ValueError:
        return False
    return True
