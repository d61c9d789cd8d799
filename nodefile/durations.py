"""Parses durations such as 90m, 2h and 1h30m."""

from __future__ import annotations

import re

from nodefile.problems import format_value

_FORM = re.compile(r"(?:([0-9]{1,6})h)?\s*(?:([0-9]{1,6})m)?\s*(?:([0-9]{1,6})s)?")
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})")
_WORDS = re.compile(r"([0-9]{1,6})(\.[0-9]{1,3})?\s*([a-z]*)", re.IGNORECASE)
_UNITS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1),
    **dict.fromkeys(("", "m", "min", "mins", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600),
    **dict.fromkeys(("d", "day", "days"), 86400),
}
_EXPECTED = 'expected a duration such as "90m", "2h" or "1h30m"'


def parse_seconds(value: object) -> int:
    """Return the seconds of a duration above zero. Raises ValueError."""
    if isinstance(value, int) and not isinstance(value, bool):
        hint = f' Did you mean "{value}m"?' if value > 0 else ""
        raise ValueError(f"{_EXPECTED}, got the number {value}.{hint}")
    if not isinstance(value, str):
        raise ValueError(f"{_EXPECTED}, got {format_value(value)}.")
    parts = _FORM.fullmatch(value.strip())
    if parts is None or not value.strip():
        raise ValueError(f"{_EXPECTED}, got {format_value(value)}.{_hint(value.strip())}")
    hours, minutes, rest = (int(part or 0) for part in parts.groups())
    total = hours * 3600 + minutes * 60 + rest
    if total == 0:
        raise ValueError(f"{_EXPECTED}, got {format_value(value)}, which is zero.")
    return total


def _hint(value: str) -> str:
    """Suggest a duration for 1:30, 90 min, 1.5h, 2 hours, 1d or "60"."""
    total = 0
    if clock := _CLOCK.fullmatch(value):
        total = int(clock[1]) * 3600 + int(clock[2]) * 60
    elif words := _WORDS.fullmatch(value):
        scale = _UNITS.get(words[3].lower(), 0)
        total = round(float(words[1] + (words[2] or "")) * scale)
    parts = ((total // 3600, "h"), (total % 3600 // 60, "m"), (total % 60, "s"))
    return f' Did you mean "{"".join(f"{count}{unit}" for count, unit in parts if count)}"?' if total else ""
