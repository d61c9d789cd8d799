"""Each form of numerai-cli's cron lines fires at the same times in five fields."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from nodefile import cron
from pnodes.migrate.cron import Untranslatable, translate
from providers.cloud import CronForm
from trigger.cron import matches

AWS, GCP, AZURE = CronForm.EVENTBRIDGE, CronForm.UNUSED, CronForm.TIMER


@pytest.mark.parametrize(
    ("text", "form", "line"),
    [
        # the two examples in numerai-cli's help
        ("30 18 ? * 7 *", AWS, "30 18 * * 6"),
        ("0 30 13 * * SUN,TUE,WED,THU,FRI", AZURE, "30 13 * * SUN,TUE,WED,THU,FRI"),
        # EventBridge
        ("0 14 ? * 3-7 *", AWS, "0 14 * * 2-6"),
        ("0 14 ? * TUE-SAT *", AWS, "0 14 * * 2-6"),
        ("cron(0 14 ? * TUE,SAT *)", AWS, "0 14 * * 2,6"),
        ('"0 14 1,15 * ? *"', AWS, "0 14 1,15 * *"),
        ("0/15 10 * * ? *", AWS, "0/15 10 * * *"),
        ("0 14 ? * FRI-MON *", AWS, "0 14 * * 5,6,0,1"),
        ("0 14 ? * 2/2 *", AWS, "0 14 * * 1-6/2"),
        ("0 14 ? * * *", AWS, "0 14 * * *"),
        ("0 14 * JAN-MAR ? *", AWS, "0 14 * JAN-MAR *"),
        ("30 18 * * 7 *", AWS, "30 18 * * 6"),
        # Azure's timers
        ("0 */30 13 * * *", AZURE, "*/30 13 * * *"),
        ("0 0 13 * * 1-5", AZURE, "0 13 * * 1-5"),
        ("0 13 * * 1-5", AZURE, "0 13 * * 1-5"),
        # Google Cloud, where numerai-cli uses no line
        ("30 18 ? * 7 *", GCP, "30 18 * * 6"),
        ("0 30 13 * * 6", GCP, "30 13 * * 6"),
        ("30 13 * * 6", GCP, "30 13 * * 6"),
        ("30 13 * * 6", AWS, "30 13 * * 6"),
        ("@daily", GCP, "0 0 * * *"),
    ],
)
def test_a_line_in_five_fields(text: str, form: CronForm, line: str) -> None:
    found = translate(text, form)
    assert (found.line, found.notes) == (line, ())
    assert cron.read(found.line) == line


def test_seconds_are_left_out_and_that_is_said() -> None:
    found = translate("30 0 13 * * *", AZURE)
    assert found.line == "0 13 * * *"
    assert found.notes == ("the schedule fires at second 0 of the minute instead of second 30",)


@pytest.mark.parametrize(
    ("text", "form", "reason"),
    [
        ("0 14 L * ? *", AWS, "L, W or #"),
        ("0 14 15W * ? *", AWS, "L, W or #"),
        ("0 14 ? * 6#3 *", AWS, "L, W or #"),
        ("0 14 ? * FRIL *", AWS, "L, W or #"),
        ("0 14 ? * 7 2026", AWS, "its year is 2026"),
        ("0 14 ? * 0 *", AWS, "its weekday is 0, but AWS counts from 1 (Sunday) to 7 (Saturday)"),
        ("*/10 0 13 * * *", AZURE, "at most once a minute"),
        ("0 0 13 1 * 1", AZURE, "Azure requires both to match"),
        ("0 13 1 * 1", AZURE, "Azure requires both to match"),
        ("0 61 13 * * *", AZURE, "minute '61' is not between 0 and 59"),
        ("0 14", AWS, "expected five or six fields, got 2"),
        ("", AWS, "expected five or six fields, got 1"),
        ("0 14 ? * MOON *", AWS, "its weekday is MOON"),
        ("0 14 ? * ; *", AWS, "weekday ';' is not *"),
    ],
)
def test_what_five_fields_cannot_say(text: str, form: CronForm, reason: str) -> None:
    with pytest.raises(Untranslatable) as caught:
        translate(text, form)
    assert reason in str(caught.value)


@pytest.mark.parametrize("text", ["0 14 ? * FRI-MON *", "0 14 ? * 6-2/2 *", "0 14 ? * 2/3 *", "0 14 ? * 1,3-5,SAT *"])
def test_a_week_has_the_days_that_eventbridge_means(text: str) -> None:
    """Interpret EventBridge's field as documented: consecutive days from the first, across the end of the week."""
    names = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
    wanted: set[int] = set()
    for part in text.split()[4].split(","):
        days, _, step = part.partition("/")
        ends = [names.index(word) if word in names else int(word) - 1 for word in days.split("-")]
        first, last = ends[0], ends[-1] if "-" in days or not step else 6
        turn = [(first + offset) % 7 for offset in range((last - first) % 7 + 1)]
        wanted |= set(turn[:: int(step or 1)])
    line = translate(text, AWS).line
    sunday = datetime(2026, 3, 1, 14, tzinfo=UTC)
    assert {day for day in range(7) if matches(line, sunday + timedelta(days=day))} == wanted
