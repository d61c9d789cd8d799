"""The timer fires in UTC at all times of the schedule, and not at many others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from nodefile import Schedule
from providers.azure.schedule import write_expression
from trigger import cron

LINES = ["0 13 * * 2-6", "*/20 9-17 * * *", "15 2 * * *", "0 0 1 * 1", "30 23 * 3,11 sun"]
ZONES = ["UTC", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Chatham"]


@pytest.mark.parametrize(
    ("line", "zone", "ticks"),
    [
        ("0 13 * * 2-6", "America/New_York", "0 0 17,18 * * *"),
        ("30 9 * * *", "Asia/Kolkata", "0 0 4 * * *"),
        ("*/5 * * * *", "UTC", "0 0,5,10,15,20,25,30,35,40,45,50,55 * * * *"),
        ("* * * * *", "UTC", "0 * * * * *"),
        ("15 2 * * *", "Australia/Lord_Howe", "0 15,45 15 * * *"),
    ],
)
def test_ticks(line: str, zone: str, ticks: str) -> None:
    assert write_expression(Schedule(cron=line, timezone=zone)) == ticks


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("zone", ZONES)
def test_no_due_minute_of_a_year_is_missed(line: str, zone: str) -> None:
    _, ticks = write_expression(Schedule(cron=line, timezone=zone)).split(" ", 1)
    start = datetime(2027, 1, 1, tzinfo=UTC)
    for day in [
        *range(0, 365, 11),
        72,
        73,
        86,
        93,
        94,
        269,
        276,
        297,
        304,
        310,
    ]:  # and the days on which the clocks change
        for minute in range(0, 1440, 5):
            moment = start + timedelta(days=day, minutes=minute)
            assert cron.matches(ticks, moment) or not cron.due(line, zone, moment), moment
