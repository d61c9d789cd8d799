"""Checks the cron lines of nodes.yaml and explains each mistake in a sentence.

The trigger's own parser, `trigger.cron`, decides what the five fields (minute hour day month weekday) mean.
"""

from __future__ import annotations

import re
from functools import lru_cache

from nodefile.problems import format_value
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
    " Lines of six fields are in a cloud's own format. From AWS: remove the last field (the year), write * for ?, and "
    "subtract 1 from each weekday number (Sunday is 1 on AWS and 0 here). From Azure: remove the first field (the "
    "second)."
)


def read(text: str) -> str:
    """Return a cron line as five fields; shorthands such as `@daily` are expanded. Raises ValueError."""
    line = " ".join(text.split())
    if re.fullmatch(r"(?:cron|rate)\((.*)\)", line, re.IGNORECASE):
        raise ValueError(
            f'expected a cron line of five fields such as "0 14 * * 2-6", got {format_value(text)}, which is AWS\'s '
            "format. Remove cron() and the year, write * for ?, and count weekdays from 0 (Sunday)."
        )
    fields = _SHORTHANDS.get(line.lower(), line).split(" ")
    if len(fields) != 5:
        six = _SIX if len(fields) == 6 else ""
        raise ValueError(
            "expected a cron line of five fields (minute hour day month weekday) "
            f'such as "0 14 * * 2-6", got {len(fields)} in {format_value(text)}.{six}'
        )
    for index, field in enumerate(fields):
        for part in field.split(","):
            _check(part, index)
    line = " ".join(fields)
    _, _, days, months, _ = cron.fields(line)
    shortest = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}
    if fields[4] == "*" and all(min(days) > shortest.get(month, 31) for month in months):
        raise ValueError(f"{format_value(text)} never fires: none of its months has that day.")
    return line


def _check(part: str, index: int) -> None:
    """Raise ValueError if the trigger cannot parse this part of a field."""
    name, low, high = _FIELDS[index]
    split = _PART.fullmatch(part)
    if part == "?":
        raise ValueError(f'{name} "?" is AWS syntax; write * instead.')
    if split is None:
        raise ValueError(f"{name} {format_value(part)} is not *, a number, a range or a step such as */15.")
    if split[2] and int(split[2]) == 0:
        raise ValueError(f"{name} {format_value(part)} has a step of zero.")
    for bound in split[1].split("-"):
        if not _is_valid(bound, index):
            raise ValueError(f"{name} {format_value(bound)} is not between {low} and {high}.")
    if not _is_valid(part, index):
        raise ValueError(f"{name} {format_value(part)} ends before it begins.")


@lru_cache
def _is_valid(part: str, index: int) -> bool:
    """Whether the trigger can parse this part of the field."""
    fields = ["*"] * len(_FIELDS)
    fields[index] = part
    try:
        cron.fields(" ".join(fields))
    except ValueError:
        return False
    return True
