"""Numerai's three tournaments and their numbers in the API."""

from __future__ import annotations

from enum import StrEnum


class Tournament(StrEnum):
    """A tournament by name; the API identifies it by `number`."""

    CLASSIC = "classic"
    SIGNALS = "signals"
    CRYPTO = "crypto"

    @property
    def number(self) -> int:
        """The tournament's id in the API."""
        return _NUMBERS[self]

    @classmethod
    def from_number(cls, number: int) -> Tournament | None:
        """Return the tournament with this id, or None (numerapi's `Api` without a tournament sends 0)."""
        return next((tournament for tournament, candidate in _NUMBERS.items() if candidate == number), None)


_NUMBERS = {Tournament.CLASSIC: 8, Tournament.SIGNALS: 11, Tournament.CRYPTO: 12}
