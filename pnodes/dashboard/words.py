"""Times, durations and sums as the page writes them: local times with their day, units that do not break apart."""

from __future__ import annotations

from datetime import UTC, datetime

_THIN = "\N{NO-BREAK SPACE}"


def moment(when: datetime, now: datetime | None = None) -> str:
    """22 Nov 12:00:04; today's without the day."""
    here = when.astimezone()
    today = here.date() == (now or datetime.now(UTC)).astimezone().date()
    return here.strftime("%H:%M:%S") if today else f"{here.day}{_THIN}{here:%b %H:%M}"


def day(when: datetime) -> str:
    """23 November 2026, 12:00."""
    here = when.astimezone()
    return f"{here.day}{_THIN}{here:%B %Y, %H:%M}"


def duration(seconds: float) -> str:
    """45 s, 3 min 20 s, 2 h 05 min, 3 days."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole}{_THIN}s"
    if whole < 3600:
        minutes, rest = divmod(whole, 60)
        return f"{minutes}{_THIN}min" + (f" {rest}{_THIN}s" if rest else "")
    if whole < 48 * 3600:
        hours, rest = divmod(whole // 60, 60)
        return f"{hours}{_THIN}h" + (f" {rest:02}{_THIN}min" if rest else "")
    return f"{whole // 86400}{_THIN}days"


def usd(amount: float) -> str:
    """0.0042 USD, 1.20 USD."""
    if amount == 0:
        return f"0{_THIN}USD"
    return f"{amount:.4f}{_THIN}USD" if amount < 0.1 else f"{amount:.2f}{_THIN}USD"


def zone(now: datetime | None = None) -> str:
    """UTC+01:00."""
    offset = (now or datetime.now(UTC)).astimezone().strftime("%z")
    return f"UTC{offset[:3]}:{offset[3:5]}" if offset.strip("+-0") else "UTC"


def plural(count: int, one: str, many: str = "") -> str:
    """1 node, 2 nodes."""
    return f"{count}{_THIN}{one if count == 1 else many or one + 's'}"
