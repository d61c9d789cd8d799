"""Cron lines fire when cron would fire."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodefile import cron
from trigger.cron import matches

TUESDAY = datetime(2026, 1, 6, 14, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "fires"),
    [
        ("30 14 * * *", True),
        ("30 14 * * 2", True),
        ("30 14 * * tue", True),
        ("30 14 * * 2-6", True),
        ("30 14 * * 3-6", False),
        ("*/15 * * * *", True),
        ("*/20 * * * *", False),
        ("10/20 14 * * *", True),
        ("30 14 6 * *", True),
        ("30 14 6 jan *", True),
        ("30 14 6 2 *", False),
        ("30 14 1 * 2", True),
        ("30 14 1 * 3", False),
        ("0,30 13-15 * * *", True),
        ("30 2 * * *", False),
    ],
)
def test_a_tuesday_afternoon(line: str, fires: bool) -> None:
    assert matches(cron.read(line), TUESDAY) is fires


def test_sunday_is_zero_and_seven() -> None:
    sunday = TUESDAY + timedelta(days=5)
    assert matches(cron.read("30 14 * * 0"), sunday)
    assert matches(cron.read("30 14 * * 7"), sunday)
    assert not matches(cron.read("30 14 * * 1-6"), sunday)


def test_spaces_and_shorthands_are_normalised() -> None:
    assert cron.read("  0   14 * *  1 ") == "0 14 * * 1"
    assert cron.read("@weekly") == "0 0 * * 0"


@settings(deadline=None)
@given(minute=st.integers(0, 59), hour=st.integers(0, 23), days=st.integers(0, 400))
def test_a_line_for_one_minute_fires_in_no_other_minute_of_the_day(minute: int, hour: int, days: int) -> None:
    moment = datetime(2026, 1, 1, hour, minute, tzinfo=UTC) + timedelta(days=days)
    line = cron.read(f"{minute} {hour} {moment.day} {moment.month} *")
    day = moment.replace(hour=0, minute=0)
    fired = [day + timedelta(minutes=m) for m in range(1440) if matches(line, day + timedelta(minutes=m))]
    assert fired == [moment]
