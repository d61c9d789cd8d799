"""Cron lines in EventBridge Scheduler's form, compared minute by minute with the meaning of the original."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from nodefile import Schedule
from nodefile.cron import read
from providers.aws.schedule import NotOnAws, write_expression
from sandbox.aws.schedules import due
from trigger.cron import matches


@pytest.mark.parametrize(
    ("cron", "written"),
    [
        ("30 13 * * 2-6", "cron(30 13 ? * TUE,WED,THU,FRI,SAT *)"),
        ("*/15 * * * *", "cron(0,15,30,45 * * * ? *)"),
        ("0 0 1 * *", "cron(0 0 1 * ? *)"),
        ("0 0 * * 7", "cron(0 0 ? * SUN *)"),
        ("5 9-17 * jan-mar mon", "cron(5 9-17 ? 1-3 MON *)"),
        ("0 0 1-31 * 1", "cron(0 0 * * ? *)"),
        ("@daily", "cron(0 0 * * ? *)"),
    ],
)
def test_lines(cron: str, written: str) -> None:
    assert write_expression(Schedule(cron=read(cron), timezone="UTC")) == written


@pytest.mark.parametrize("cron", ["1-59/2 */3 * * *", "0 12 1,15 2-12/2 *", "7 7 * 3 0,6", "0 0 31 * *"])
def test_an_expression_fires_exactly_when_its_line_does(cron: str) -> None:
    written = write_expression(Schedule(cron=cron, timezone="UTC"))
    start = datetime(2028, 2, 27)  # noqa: DTZ001 - a leap year's end of February, in no zone
    for minute in range(60 * 24 * 40):
        moment = start + timedelta(minutes=minute)
        if moment.minute < 10:
            assert due(written, moment) == matches(cron, moment), moment


def test_either_day_field_cannot_be_said() -> None:
    with pytest.raises(NotOnAws, match="set one of the two"):
        write_expression(Schedule(cron="0 0 13 * 5", timezone="UTC"))


def test_the_longest_line_fits() -> None:
    odd = ",".join(map(str, range(1, 60, 2)))
    line = f"{odd} {','.join(map(str, range(1, 24, 2)))} {','.join(map(str, range(1, 32, 2)))} 1,3,5,7,9,11 *"
    assert len(write_expression(Schedule(cron=line, timezone="UTC"))) <= 256
