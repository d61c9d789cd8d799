"""Following a log on any cloud: no line twice, no late line lost, and an end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from providers.operations import LogLine, NodeOperations, Run, State, number_lines, read_origin, read_time
from trigger.log_line import format_line, parse

BEGIN = datetime(2025, 11, 23, 12, tzinfo=UTC)


def line(second: int, text: str) -> LogLine:
    return LogLine(BEGIN + timedelta(seconds=second), text, f"{second} {text}")


class Scripted(NodeOperations):
    """Returns one page of lines after the other. The run ends with the last page."""

    def __init__(self, *pages: list[LogLine]) -> None:
        self.pages, self.asked = list(pages), list[datetime | None]()

    def runs(self, limit: int = 10) -> list[Run]:
        return [self.run("r")]

    def run(self, run_id: str) -> Run:
        state = State.RUNNING if len(self.pages) > 1 else State.SUCCEEDED
        return Run(run_id, state, BEGIN, started=BEGIN, stopped=BEGIN if state.ended else None)

    def log(self, run: Run, since: datetime | None = None, limit: int = 1000) -> list[LogLine]:
        self.asked.append(since)
        return self.pages.pop(0) if len(self.pages) > 1 else self.pages[0]

    trigger_log = None  # type: ignore[assignment]

    def stop(self, run: Run) -> None:
        raise AssertionError


def test_following_shows_each_line_once_and_also_those_that_come_late() -> None:
    cloud = Scripted([], [line(1, "a"), line(9, "c")], [line(5, "late"), line(9, "c")], [line(9, "c"), line(10, "d")])
    running = Run("r", State.RUNNING, BEGIN, started=BEGIN)
    pauses: list[float] = []
    assert [each.text for each in cloud.follow(running, pause=pauses.append)] == ["a", "c", "late", "d"]
    assert set(pauses) == {cloud.poll_seconds}
    # The read after the line of second 9 starts as much earlier as lines may be late.
    assert cloud.asked[:3] == [None, None, BEGIN + timedelta(seconds=9 - cloud.lag_seconds)]


def test_a_run_that_ended_long_ago_is_read_once() -> None:
    cloud = Scripted([line(1, "a")])
    assert [each.text for each in cloud.follow(cloud.run("r"), pause=lambda _: pytest.fail("it waited"))] == ["a"]
    assert len(cloud.asked) == 1


def test_equal_lines_are_told_apart() -> None:
    assert len({each.key for each in number_lines([(BEGIN, "same"), (BEGIN, "same")])}) == 2


@pytest.mark.parametrize(
    ("text", "micro"),
    [("2025-11-23T12:00:00Z", 0), ("2025-11-23T12:00:00.123456789Z", 123456), ("2025-11-23T12:00:00.5+00:00", 500000)],
)
def test_times_of_all_clouds_are_understood(text: str, micro: int) -> None:
    assert read_time(text) == BEGIN.replace(microsecond=micro)


def test_variables_without_a_value_are_secrets_by_reference_and_left_out() -> None:
    variables = [{"name": "TRIGGER_ID", "value": "1"}, {"name": "KEY", "secretRef": "k"}, {"name": "ROUND_NUMBER"}]
    assert read_origin(variables) == {"trigger_id": "1", "round": ""}


def test_the_trigger_s_line_is_read_back() -> None:
    text = (
        '{"node":"a","method":"POST","run":"t","test":true,"route":"pred","http":502,"status":"failed","reason":"no"}'
    )
    found = parse(text)
    assert found is not None
    assert (found.refused, found.test, found.run) == (True, True, "t")
    assert format_line(text) == "POST pred -> 502 failed run t (test): no"
    assert format_line("Traceback") == "Traceback"
    assert parse('{"a": 1}') is None
