"""Formats times, durations, amounts and counts for people: in local time and as short as possible."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime


def moment(when: datetime | None, now: datetime | None = None) -> str:
    """Return 22 Nov 12:00, or 12:00:04 for a time of today."""
    if when is None:
        return "-"
    local = when.astimezone()
    is_today = local.date() == (now or datetime.now(UTC)).astimezone().date()
    return local.strftime("%H:%M:%S") if is_today else f"{local.day} {local:%b %H:%M}"


def day(when: datetime) -> str:
    """Return 23 November 2026, 12:00."""
    local = when.astimezone()
    return f"{local.day} {local:%B %Y, %H:%M}"


def stamp(when: datetime) -> str:
    """Return 2026-11-23T12:00:00Z, for JSON and HTML."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def zone(now: datetime | None = None) -> str:
    """Return UTC+01:00."""
    offset = (now or datetime.now(UTC)).astimezone().strftime("%z")
    return f"UTC{offset[:3]}:{offset[3:5]}" if offset.strip("+-0") else "UTC"


def duration(seconds: float | None) -> str:
    """Return 45 s, 3 min 20 s, 2 h 05 min, 3 days."""
    if seconds is None:
        return "-"
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        minutes, rest = divmod(whole, 60)
        return f"{minutes} min" + (f" {rest} s" if rest else "")
    if whole < 48 * 3600:
        hours, rest = divmod(whole // 60, 60)
        return f"{hours} h" + (f" {rest:02} min" if rest else "")
    return f"{whole // 86400} days"


def usd(amount: float | None) -> str:
    """Return 1.20, 0.0042 for an amount below ten cents, and a question mark for an unknown price."""
    return "?" if amount is None else f"{amount:.4f}" if 0 < abs(amount) < 0.1 else f"{amount:.2f}"


def nmr(amount: float | None) -> str:
    """Return 12.34, 0.0042 for an amount below one NMR, and a dash for none."""
    return "-" if amount is None else f"{amount:.4f}" if 0 < abs(amount) < 1 else f"{amount:.2f}"


def describe_scores(values: Mapping[str, float]) -> str:
    """Return CORR 0.0183, MMC 0.0042."""
    return ", ".join(f"{label} {value:.4f}" for label, value in values.items())


def plural(count: int, noun: str, plural_noun: str = "") -> str:
    """Return 1 node, 2 nodes."""
    return f"{count} {noun if count == 1 else plural_noun or noun + 's'}"
