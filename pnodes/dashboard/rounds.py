"""The rounds of a tournament at Numerai, and when the next one is expected to open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from providers.operations import read_time

_WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Round:
    """A round at Numerai; submissions after `closes` are late."""

    number: int
    opens: datetime | None
    closes: datetime | None

    def open_at(self, moment: datetime) -> bool:
        """Whether a submission at that moment would be on time."""
        return self.closes is not None and moment < self.closes and (self.opens is None or self.opens <= moment)


def parse_rounds(answer: Iterable[Mapping[str, Any]]) -> list[Round]:
    """Parse Numerai's rounds; returns them oldest first."""
    rounds = [
        Round(
            int(item["number"]),
            read_time(item.get("openTime")),
            read_time(item.get("closeStakingTime") or item.get("closeTime")),
        )
        for item in answer
    ]
    return sorted(rounds, key=lambda round_: (round_.opens or datetime.min.replace(tzinfo=UTC), round_.number))


def expect_opening(rounds: Sequence[Round], now: datetime) -> datetime | None:
    """Return when a round opens next if the next week is like the last one; None if no whole week is known."""
    opened = [round_.opens for round_ in rounds if round_.opens is not None and round_.opens <= now]
    if not opened or min(opened) > now - _WEEK:
        return None
    return min((opens + _WEEK for opens in opened if opens + _WEEK > now), default=None)
