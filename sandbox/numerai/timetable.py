"""The clock that opens rounds automatically. Initially there is none. It is in the store, so it survives a restart."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.store import Store

_SETTINGS, _CLOCK = "numerai-settings", "clock"
SHORTEST = timedelta(seconds=10)


class Timetable:
    """At most one clock, which opens rounds of one tournament or of all three at an interval."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store, self._now = store, now

    def set(self, every: timedelta, tournament: str | None, open_for: timedelta | None) -> dict[str, Any]:
        """Set the clock; the first round opens after `every`. Raises ValueError."""
        if every < SHORTEST:
            raise ValueError(f"every: expected at least {SHORTEST.seconds} seconds, got {every.total_seconds():g}")
        doc = {
            "every": every.total_seconds(),
            "tournament": tournament,
            "open_for": open_for.total_seconds() if open_for else None,
            "next": (self._now() + every).astimezone(UTC).isoformat(),
        }
        self._store.put(_SETTINGS, _CLOCK, doc)
        return doc

    def clear(self) -> None:
        """Remove the clock."""
        self._store.delete(_SETTINGS, _CLOCK)

    def describe(self) -> dict[str, Any] | None:
        """Return `every` and `open_for` in seconds, `tournament`, and the time of the `next` round; None if not set."""
        return self._store.get(_SETTINGS, _CLOCK)

    def due(self) -> dict[str, Any] | None:
        """Return the clock if a round is due, and advance it past missed rounds; otherwise return None."""
        doc, now = self.describe(), self._now()
        if doc is None or now < datetime.fromisoformat(doc["next"]):
            return None
        every, moment = timedelta(seconds=doc["every"]), datetime.fromisoformat(doc["next"])
        moment += every * ((now - moment) // every + 1)
        self._store.put(_SETTINGS, _CLOCK, {**doc, "next": moment.astimezone(UTC).isoformat()})
        return doc
