"""Times, durations, sums and counts as people read them: local times, and no longer than needed."""

from __future__ import annotations

from datetime import UTC, datetime


def moment(when: datetime | None, now: datetime | None = None) -> str:
    """Return 22 Nov 12:00, or 12:00:04 for today's."""
    if when is None:
        return "-"
    here = when.astimezone()
    today = here.date() == (now or datetime.now(UTC)).astimezone().date()
    return here.strftime("%H:%M:%S") if today else f"{here.day} {here:%b %H:%M}"


def day(when: datetime) -> str:
    """Return 23 November 2026, 12:00."""
    here = when.astimezone()
    return f"{here.day} {here:%B %Y, %H:%M}"


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
    """Return 1.20, 0.0042 for a sum below ten cents, and a question mark where a price is not known."""
    return "?" if amount is None else f"{amount:.4f}" if 0 < amount < 0.1 else f"{amount:.2f}"


def plural(count: int, one: str, many: str = "") -> str:
    """Return 1 node, 2 nodes."""
    return f"{count} {one if count == 1 else many or one + 's'}"
