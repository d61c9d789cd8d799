"""Cron lines as numerai-cli's users have them, as five fields in UTC.

numerai-cli hands its line on as it is: to EventBridge on AWS (minute hour day month weekday year, weekdays 1-7 from
Sunday, one of the day fields a `?`), to a timer of Azure Functions (second minute hour day month weekday, weekdays 0-6;
the second may be missing). On Google Cloud it hands it to nobody, so a line there may be in either form.
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
    """Five fields cannot say what the line says; the sentence says why."""


@dataclass(frozen=True)
class Translated:
    """Five fields in UTC, and what they leave out of the line (sentences)."""

    line: str
    notes: tuple[str, ...] = ()


def translated(text: str, form: CronForm) -> Translated:
    """A line of numerai-cli's in five fields. Raises Untranslatable."""
    line = " ".join(text.replace('"', " ").replace("'", " ").split())
    if wrapped := _WRAPPED.fullmatch(line):
        line = wrapped[1].strip()
    fields = line.split(" ")
    notes: list[str] = []
    if len(fields) == 6:
        # EventBridge wants a ? in one of its day fields, and Azure's timers know none.
        aws = "?" in (fields[2], fields[4]) or form is CronForm.EVENTBRIDGE
        fields = _from_aws(fields) if aws else _from_azure(fields, notes)
    elif len(fields) == 5 and form is CronForm.TIMER:
        _one_day_field(fields[2], fields[4])
    elif not line.startswith("@") and len(fields) != 5:
        raise Untranslatable(f"expected five or six fields, got {len(fields)} in {format_value(text)}")
    try:
        return Translated(cron.read(" ".join(fields)), tuple(notes))
    except ValueError as error:
        raise Untranslatable(str(error).rstrip(".")) from None


def _from_aws(fields: list[str]) -> list[str]:
    minute, hour, day, month, weekday, year = fields
    if year != "*":
        raise Untranslatable(f"its year is {year}, and a line of five fields fires in every year")
    for name, field in (("day", day), ("weekday", weekday)):
        if re.search(r"[LW#]", re.sub(r"[A-Z]{3}", "", field.upper())):
            raise Untranslatable(f"its {name} {field} has one of L, W and #, which five fields cannot say")
    weekday = "*" if weekday in ("*", "?") else ",".join(_weekdays(part) for part in weekday.split(","))
    return [minute, hour, "*" if day == "?" else day, month, weekday]


def _from_azure(fields: list[str], notes: list[str]) -> list[str]:
    second, minute, hour, day, month, weekday = fields
    if not second.isdigit():
        raise Untranslatable(f"its seconds are {second}: it fires several times a minute, and a schedule here cannot")
    if int(second):
        notes.append(f"the schedule fires at the full minute, not at its second {int(second)}")
    _one_day_field(day, weekday)
    return [minute, hour, day, month, weekday]


def _one_day_field(day: str, weekday: str) -> None:
    if day != "*" and weekday != "*":
        raise Untranslatable(
            f"it sets the day {day} and the weekday {weekday}, of which Azure wants both, and five fields take either"
        )


def _weekdays(part: str) -> str:
    """A part of EventBridge's weekday field with weekdays from 0; a range over the week's end becomes single days."""
    found = _RANGE.fullmatch(part)
    if found is None:
        return part  # what is wrong with it is said when the line is read
    first, last, step = _weekday(found[1]), _weekday(found[2] or found[1]), found[3] or ""
    if step and not found[2]:
        last = 6
    if first <= last:
        return f"{first}-{last}{step}" if found[2] or step else str(first)
    days = [*range(first, 7), *range(last + 1)]
    return ",".join(str(day) for day in days[:: int(step[1:]) if step else 1])


def _weekday(word: str) -> int:
    """0 is Sunday."""
    if word.lower() in _WEEKDAYS:
        return _WEEKDAYS.index(word.lower())
    if word.isdigit() and 1 <= int(word) <= 7:
        return int(word) - 1
    raise Untranslatable(f"its weekday {word} is not 1 (Sunday) to 7 (Saturday), as AWS counts them")
