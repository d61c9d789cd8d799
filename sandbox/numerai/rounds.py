"""Rounds. All tournaments share one sequence of numbers, so that a number identifies a round.

The sandbox starts with round 1000, which opened and closed the day before. Further rounds open on demand and by default
close after an hour.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.numerai.tournaments import Tournament
from sandbox.store import Store

FIRST_ROUND = 1000
OPEN_FOR = timedelta(hours=1)

_ROUNDS = "numerai-rounds"


def stamp(moment: datetime) -> str:
    """Format a time like Numerai."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def score_time(opened: datetime) -> datetime:
    """Return when a round has its first score."""
    return opened + timedelta(days=4)


def resolve_time(opened: datetime) -> datetime:
    """Return when a round has its last score."""
    return opened + timedelta(days=31)


def _read_opening(doc: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(doc["open_time"])


class Rounds:
    """The rounds of the three tournaments in the store."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._insert(FIRST_ROUND, tuple(Tournament), now() - timedelta(days=1))

    def _insert(
        self, number: int, tournaments: Sequence[Tournament], opened: datetime, open_for: timedelta = OPEN_FOR
    ) -> bool:
        doc = {
            "number": number,
            "tournaments": [tournament.value for tournament in tournaments],
            "open_time": stamp(opened),
            "close_time": stamp(opened + open_for),
        }
        return self._store.insert(_ROUNDS, f"{number:08d}", doc)

    def open(self, tournaments: Sequence[Tournament], open_for: timedelta = OPEN_FOR) -> dict[str, Any]:
        """Open the next round of these tournaments, which closes after `open_for`. Raises ValueError."""
        if open_for < timedelta(seconds=1):
            raise ValueError(f"open_for: expected at least 1 second, got {open_for.total_seconds():g}")
        number = self._all()[-1]["number"] + 1
        while not self._insert(number, tournaments, self._now(), open_for):
            number += 1
        return self._store.get(_ROUNDS, f"{number:08d}") or {}

    def _all(self) -> list[dict[str, Any]]:
        return list(self._store.all(_ROUNDS).values())

    def of(self, tournament: Tournament) -> list[dict[str, Any]]:
        """Return the rounds of a tournament, newest first."""
        return [doc for doc in reversed(self._all()) if tournament.value in doc["tournaments"]]

    def find(self, tournament: Tournament, number: int | None = None) -> dict[str, Any] | None:
        """Return a round by number, or the newest for None and 0."""
        return next((doc for doc in self.of(tournament) if not number or doc["number"] == number), None)

    def status(self, doc: dict[str, Any]) -> str:
        """Return OPEN, RESOLVING or RESOLVED, depending on the current time."""
        now = self._now()
        if now < datetime.fromisoformat(doc["close_time"]):
            return "OPEN"
        return "RESOLVING" if now < resolve_time(_read_opening(doc)) else "RESOLVED"

    def describe(self, doc: dict[str, Any], tournament: Tournament) -> dict[str, Any]:
        """Return a tournament's round with the properties that the API shows."""
        resolved = self.status(doc) == "RESOLVED"
        return {
            "id": f"{tournament.value}-{doc['number']}",
            "number": doc["number"],
            "tournament": tournament.number,
            "status": self.status(doc),
            "target": "target",
            "open_time": doc["open_time"],
            "close_time": doc["close_time"],
            "close_staking_time": doc["close_time"],
            "score_time": stamp(score_time(_read_opening(doc))),
            "resolve_time": stamp(resolve_time(_read_opening(doc))),
            "resolved_general": resolved,
            "resolved_staking": resolved,
            "round_score_configs": [],
        }
