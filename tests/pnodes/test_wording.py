"""How times, durations, amounts and counts are formatted."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from pnodes.wording import day, duration, moment, plural, stamp, usd

NOON = datetime(2026, 11, 3, 12, 0, 4).astimezone()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (-3, "0 s"),
        (0, "0 s"),
        (45.4, "45 s"),
        (59.6, "1 min"),
        (200, "3 min 20 s"),
        (7500, "2 h 05 min"),
        (7200, "2 h"),
        (200000, "2 days"),
    ],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


def test_moments_have_their_day_unless_it_is_today() -> None:
    assert moment(None) == "-"
    assert moment(NOON, NOON + timedelta(hours=1)) == "12:00:04"
    assert moment(NOON, NOON + timedelta(days=1)) == "3 Nov 12:00"
    assert day(NOON) == "3 November 2026, 12:00"


def test_stamps_are_utc() -> None:
    assert stamp(datetime.fromisoformat("2026-11-03T12:00:04.5+01:00")) == "2026-11-03T11:00:04Z"


@pytest.mark.parametrize(
    ("amount", "text"), [(None, "?"), (0, "0.00"), (0.0042, "0.0042"), (0.1, "0.10"), (1.2, "1.20")]
)
def test_sums(amount: float | None, text: str) -> None:
    assert usd(amount) == text


def test_counts() -> None:
    assert [plural(1, "node"), plural(2, "node"), plural(0, "call was", "calls were")] == [
        "1 node",
        "2 nodes",
        "0 calls were",
    ]
