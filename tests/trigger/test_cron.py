"""Cron expressions in a time zone: which minutes are due, also when the clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from trigger.cron import due, fields, last_due, matches

YORK = "America/New_York"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("cron", "index", "values"),
    [
        ("*/20 * * * *", 0, {0, 20, 40}),
        ("5/25 * * * *", 0, {5, 30, 55}),
        ("0 9-12 * * *", 1, {9, 10, 11, 12}),
        ("0 9-17/4 * * *", 1, {9, 13, 17}),
        ("0 0 * jan,DEC *", 3, {1, 12}),
        ("0 0 * * mon-fri", 4, {1, 2, 3, 4, 5}),
        ("0 0 * * 7", 4, {0}),
        ("0 0 * * 5-7", 4, {5, 6, 0}),
    ],
)
def test_fields(cron: str, index: int, values: set[int]) -> None:
    assert fields(cron)[index] == values


@pytest.mark.parametrize("cron", ["* * * *", "60 * * * *", "* 24 * * *", "0 0 0 * *", "5-1 * * * *", "*/0 * * * *"])
def test_what_is_no_expression(cron: str) -> None:
    with pytest.raises(ValueError, match=r"fields|within"):
        fields(cron)


def test_two_kinds_of_day_are_alternatives_only_when_both_are_restricted() -> None:
    first_or_monday = "0 12 1 * 1"
    assert matches(first_or_monday, datetime(2026, 12, 1, 12))  # noqa: DTZ001 - wall-clock time: a Tuesday
    assert matches(first_or_monday, datetime(2026, 12, 7, 12))  # noqa: DTZ001 - a Monday
    assert not matches(first_or_monday, datetime(2026, 12, 8, 12))  # noqa: DTZ001
    assert not matches("0 12 * * 1", datetime(2026, 12, 1, 12))  # noqa: DTZ001


def test_the_same_wall_clock_time_in_winter_and_summer() -> None:
    cron = "30 13 * * 2-6"
    assert due(cron, YORK, at("2026-01-13T18:30"))
    assert not due(cron, YORK, at("2026-01-13T17:30"))
    assert due(cron, YORK, at("2026-07-14T17:30"))
    assert not due(cron, YORK, at("2026-07-14T18:30"))


def test_a_time_that_is_skipped_in_spring_runs_once_at_the_moment_it_would_have_been() -> None:
    day = at("2026-03-08T00:00")
    runs = [day + timedelta(minutes=m) for m in range(1440) if due("30 2 * * *", YORK, day + timedelta(minutes=m))]
    assert runs == [at("2026-03-08T07:30")]


def test_a_time_that_comes_twice_in_autumn_runs_the_first_time_only() -> None:
    day = at("2026-11-01T00:00")
    runs = [day + timedelta(minutes=m) for m in range(1440) if due("30 1 * * *", YORK, day + timedelta(minutes=m))]
    assert runs == [at("2026-11-01T05:30")]


def test_seconds_do_not_matter() -> None:
    assert due("0 12 * * *", "UTC", at("2026-05-05T12:00:42"))


def test_a_late_tick_finds_the_time_it_stands_for_and_no_other() -> None:
    hour = timedelta(minutes=59)
    assert last_due("0 12 * * *", "UTC", at("2026-05-05T12:07:09"), hour) == at("2026-05-05T12:00")
    assert last_due("0 12 * * *", "UTC", at("2026-05-05T13:00:00"), hour) is None
