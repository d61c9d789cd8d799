"""Numerai's three tournaments: their numbers in the API, and which of them a data file belongs to."""

from __future__ import annotations

from enum import StrEnum


class Tournament(StrEnum):
    """A tournament by name; `number` is what the API calls it."""

    CLASSIC = "classic"
    SIGNALS = "signals"
    CRYPTO = "crypto"

    @property
    def number(self) -> int:
        """The tournament's id in the API."""
        return _NUMBERS[self]

    @classmethod
    def numbered(cls, number: int) -> Tournament | None:
        """The tournament with this id, or None (numerapi's tournament-free `Api` sends 0)."""
        return next((tournament for tournament, known in _NUMBERS.items() if known == number), None)


_NUMBERS = {Tournament.CLASSIC: 8, Tournament.SIGNALS: 11, Tournament.CRYPTO: 12}
