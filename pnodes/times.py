"""Times and durations as tables show them: local, and no longer than needed."""

from datetime import UTC, datetime


def moment(when: datetime | None) -> str:
    """Today's by the clock, others with their day."""
    if when is None:
        return "-"
    here = when.astimezone()
    same = here.date() == datetime.now(UTC).astimezone().date()
    return here.strftime("%H:%M:%S" if same else "%d %b %H:%M")


def duration(seconds: float | None) -> str:
    """45 s, 3 min 20 s, 2 h 05 min."""
    if seconds is None:
        return "-"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def stamped(when: datetime | None) -> str | None:
    """For JSON: UTC, whole seconds."""
    return None if when is None else when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
