"""Translates the cron lines of numerai-cli's users to five fields in UTC.

numerai-cli passes its line unchanged to EventBridge on AWS (minute hour day month weekday year, weekdays 1-7 from
Sunday, one of the day fields a `?`), or to a timer of Azure Functions (second minute hour day month weekday, weekdays
0-6; the second is optional). On Google Cloud it does not use the line, which may therefore be in either form.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from nodefile import cron
from nodefile.problems import format_value
from providers.cloud import CronForm

_WRAPPED = re.compile(r"cron\((.*)\)", re.IGNORECASE)
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_RANGE = re.compile(r"([0-9a-z]+)(?:-([0-9a-z]+))?(/[1-9][0-9]*)?", re.IGNORECASE)


class Untranslatable(ValueError):
    """The line cannot be expressed in five fields; the message gives the reason."""


@dataclass(frozen=True)
class Translation:
    """Five fields in UTC, and sentences about the parts of the line that they omit."""

    line: str
    notes: tuple[str, ...] = ()


def translate(text: str, form: CronForm) -> Translation:
    """Translate a line of numerai-cli to five fields. Raises Untranslatable."""
    line = " ".join(text.replace('"', " ").replace("'", " ").split())
    if wrapped := _WRAPPED.fullmatch(line):
        line = wrapped[1].strip()
    fields = line.split(" ")
    notes: list[str] = []
    if len(fields) == 6:
        # EventBridge requires a ? in one of its day fields; Azure's timers do not accept one.
        aws = "?" in (fields[2], fields[4]) or form is CronForm.EVENTBRIDGE
        fields = _from_aws(fields) if aws else _from_azure(fields, notes)
    elif len(fields) == 5 and form is CronForm.TIMER:
        _one_day_field(fields[2], fields[4])
    elif not line.startswith("@") and len(fields) != 5:
        raise Untranslatable(f"expected five or six fields, got {len(fields)} in {format_value(text)}")
    try:
        return Translation(cron.read(" ".join(fields)), tuple(notes))
    except ValueError as error:
        raise Untranslatable(str(error).rstrip(".")) from None


def _from_aws(fields: list[str]) -> list[str]:
    minute, hour, day, month, weekday, year = fields
    if year != "*":
        raise Untranslatable(f"its year is {year}, but a line of five fields fires every year")
    for name, field in (("day", day), ("weekday", weekday)):
        if re.search(r"[LW#]", re.sub(r"[A-Z]{3}", "", field.upper())):
            raise Untranslatable(f"its {name} {field} contains L, W or #, which five fields do not support")
    weekday = "*" if weekday in ("*", "?") else ",".join(_weekdays(part) for part in weekday.split(","))
    return [minute, hour, "*" if day == "?" else day, month, weekday]


def _from_azure(fields: list[str], notes: list[str]) -> list[str]:
    second, minute, hour, day, month, weekday = fields
    if not second.isdigit():
        raise Untranslatable(f"its seconds field is {second}, but a schedule here fires at most once a minute")
    if int(second):
        notes.append(f"the schedule fires at second 0 of the minute instead of second {int(second)}")
    _one_day_field(day, weekday)
    return [minute, hour, day, month, weekday]


def _one_day_field(day: str, weekday: str) -> None:
    if day != "*" and weekday != "*":
        raise Untranslatable(
            f"it sets the day {day} and the weekday {weekday}: Azure requires both to match, five fields only one"
        )


def _weekdays(part: str) -> str:
    """Return a part of EventBridge's weekday field with weekdays from 0. A range across the end of the week becomes
    single days."""
    match = _RANGE.fullmatch(part)
    if match is None:
        return part  # cron.read reports the error
    first, last, step = _weekday(match[1]), _weekday(match[2] or match[1]), match[3] or ""
    if step and not match[2]:
        last = 6
    if first <= last:
        return f"{first}-{last}{step}" if match[2] or step else str(first)
    days = [*range(first, 7), *range(last + 1)]
    return ",".join(str(day) for day in days[:: int(step[1:]) if step else 1])


def _weekday(word: str) -> int:
    """Return the number of a weekday; 0 is Sunday."""
    if word.lower() in _WEEKDAYS:
        return _WEEKDAYS.index(word.lower())
    if word.isdigit() and 1 <= int(word) <= 7:
        return int(word) - 1
    raise Untranslatable(f"its weekday is {word}, but AWS counts from 1 (Sunday) to 7 (Saturday)")
