"""When rounds open by themselves: never, until somebody sets a clock. It is in the store, so it outlives a restart."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.store import Store

_SETTINGS, _CLOCK = "numerai-settings", "clock"
SHORTEST = timedelta(seconds=10)


class Timetable:
    """At most one clock: every so many seconds a round of one tournament, or of all three."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store, self._now = store, now

    def set(self, every: timedelta, tournament: str | None, open_for: timedelta | None) -> dict[str, Any]:
        """Open rounds from now on, the first once `every` has passed. Raises ValueError."""
        if every < SHORTEST:
            raise ValueError(f"every: a round opens at most every {SHORTEST.seconds} seconds, not every {every}")
        doc = {
            "every": every.total_seconds(),
            "tournament": tournament,
            "open_for": open_for.total_seconds() if open_for else None,
            "next": (self._now() + every).astimezone(UTC).isoformat(),
        }
        self._store.put(_SETTINGS, _CLOCK, doc)
        return doc

    def clear(self) -> None:
        """Open no more rounds."""
        self._store.delete(_SETTINGS, _CLOCK)

    def shown(self) -> dict[str, Any] | None:
        """The clock: `every` and `open_for` in seconds, `tournament`, and when the `next` round opens."""
        return self._store.get(_SETTINGS, _CLOCK)

    def due(self) -> dict[str, Any] | None:
        """The clock, if its moment has come; moves it on. Moments that nobody looked at are passed over."""
        doc, now = self.shown(), self._now()
        if doc is None or now < datetime.fromisoformat(doc["next"]):
            return None
        every, moment = timedelta(seconds=doc["every"]), datetime.fromisoformat(doc["next"])
        moment += every * ((now - moment) // every + 1)
        self._store.put(_SETTINGS, _CLOCK, {**doc, "next": moment.astimezone(UTC).isoformat()})
        return doc
