"""Cron expressions in a time zone: the due minutes, also on days when the clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trigger.cron import due, fields, last_due, matches

YORK = "America/New_York"
RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


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


@settings(deadline=None)
@given(
    values=st.tuples(*(st.none() | st.sets(st.integers(low, high), min_size=1) for low, high in RANGES)),
    moment=st.datetimes(datetime(2026, 1, 1), datetime(2033, 1, 1)),  # noqa: DTZ001 - wall-clock time
)
def test_a_minute_matches_when_each_field_has_it(values: tuple[set[int] | None, ...], moment: datetime) -> None:
    line = " ".join("*" if field is None else ",".join(map(str, field)) for field in values)
    minutes, hours, days, months, weekdays = (
        set(range(low, high + 1)) if field is None else field for field, (low, high) in zip(values, RANGES, strict=True)
    )
    on_day = (moment.day in days, moment.isoweekday() % 7 in {weekday % 7 for weekday in weekdays})
    either = values[2] is not None and values[4] is not None
    on_time = moment.minute in minutes and moment.hour in hours and moment.month in months
    assert matches(line, moment) is (on_time and (any if either else all)(on_day))


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
