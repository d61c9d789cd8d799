"""Durations as people write them: 90m, 2h, 1h30m."""

from __future__ import annotations

import re

_FORM = re.compile(r"(?:([0-9]+)h)?\s*(?:([0-9]+)m)?\s*(?:([0-9]+)s)?")
_EXPECTED = 'expected a duration such as "90m", "2h" or "1h30m"'


def seconds(value: object) -> int:
    """Whole seconds of a duration above zero. Raises ValueError."""
    if isinstance(value, int) and not isinstance(value, bool):
        raise ValueError(f'{_EXPECTED}, got the number {value}. Did you mean "{value}m"?')
    if not isinstance(value, str):
        raise ValueError(f"{_EXPECTED}, got {value!r}.")
    clock = re.fullmatch(r"([0-9]{1,2}):([0-9]{2})", value)
    if clock:
        raise ValueError(f'{_EXPECTED}, got {value!r}. Did you mean "{int(clock[1])}h{int(clock[2])}m"?')
    found = _FORM.fullmatch(value.strip())
    if found is None or not value.strip():
        raise ValueError(f"{_EXPECTED}, got {value!r}.")
    hours, minutes, rest = (int(part or 0) for part in found.groups())
    total = hours * 3600 + minutes * 60 + rest
    if total == 0:
        raise ValueError(f"{_EXPECTED}, got {value!r}, which is no time at all.")
    return total
