"""Calls, runs and submissions that belong together are one trigger; what cannot be known is not claimed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pnodes.dashboard import story
from pnodes.dashboard.sources import Call
from pnodes.dashboard.story import Entry, Outcome, Round
from providers.operations import Run, State
from tests.pnodes.dashboard.known import call
from trigger.log_line import parse

T = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ROUND = Round(371, T, T + timedelta(hours=1))


def at(seconds: float) -> datetime:
    return T + timedelta(seconds=seconds)


def calls(*lines: Any) -> list[Call]:
    return [Call(line.time, told) for line in lines if (told := parse(line.text))]


def run(**facts: Any) -> Run:
    given = {"id": "job-1", "state": State.SUCCEEDED, "created": at(2), "started": at(30), "stopped": at(200)}
    return Run(**{**given, "trigger_id": "t-1", "round": "371", **facts})


def sent(seconds: float, trigger_id: str | None = "t-1", number: int = 371, *runs: Run) -> list[story.Sent]:
    told = {"triggerId": trigger_id, "insertedAt": at(seconds).isoformat(), "round": {"number": number}}
    return story.submissions([told], [ROUND], runs)


def told(entries: list[Entry]) -> list[tuple[str, Outcome]]:
    return [(entry.cause, entry.outcome) for entry in entries]


def test_a_round_is_one_trigger_from_its_call_to_its_submission() -> None:
    found = story.entries(calls(call(at(0), "t-1", "queue/job-1")), [run()], sent(190), at(300))
    assert told(found) == [("round 371", Outcome.SUBMITTED)]
    assert (found[0].at, found[0].end) == (at(0), at(200))


def test_numerai_s_second_call_belongs_to_the_same_trigger() -> None:
    failed = call(at(0), "t-1", http=502, status="failed", reason="Batch: throttled")
    again = [call(at(60), "t-1", "job-1"), call(at(90), "t-1", "job-1", 200, status="already started")]
    (found,) = story.entries(calls(failed, *again), [run(created=at(61))], [], None)
    assert [one.line.http for one in found.calls] == [502, 202, 200]


def test_a_scheduled_run_is_known_to_its_call_by_the_job_and_to_its_submission_by_the_time() -> None:
    tick = call(at(0), "schedule-77", "projects/p/jobs/j/executions/job-1", route="schedule")
    mine = run(trigger_id="", round="")
    (found,) = story.entries(calls(tick), [mine], sent(100, None), at(300))
    assert (found.cause, found.outcome, len(found.calls)) == ("round 371", Outcome.SUBMITTED, 1)
    (other,) = story.entries(calls(tick), [mine], sent(999, None), at(3000))
    assert (other.cause, other.outcome) == ("schedule or manual", Outcome.ENDED)


@pytest.mark.parametrize(
    ("facts", "asked", "outcome"),
    [
        ({}, at(300), Outcome.ENDED),
        ({}, at(201), Outcome.FINISHED),  # Numerai was asked before the submission could show
        ({}, None, Outcome.FINISHED),
        ({"state": State.FAILED}, at(300), Outcome.FAILED),
        ({"state": State.CANCELLED}, at(300), Outcome.STOPPED),
        ({"state": State.RUNNING, "stopped": None}, at(300), Outcome.RUNNING),
        ({"state": State.PENDING, "started": None, "stopped": None}, at(300), Outcome.WAITING),
    ],
)
def test_a_run_without_a_submission(facts: dict[str, Any], asked: datetime | None, outcome: Outcome) -> None:
    (found,) = story.entries([], [run(**facts)], [], asked)
    assert found.outcome is outcome


def test_late_is_after_the_round_s_close_and_unknown_where_the_round_is() -> None:
    (late,) = story.entries([], [run()], sent(3601), at(9999))
    assert late.outcome is Outcome.LATE
    assert [one.on_time for one in sent(3600)] == [True]
    assert [one.on_time for one in sent(10, number=99)] == [None]


def test_a_submission_knows_the_run_whose_id_it_carries() -> None:
    mine = run()
    assert [one.run for one in sent(10, "t-1", 371, mine)] == [mine]
    assert [one.run for one in sent(10, "t-2", 371, mine)] == [None]


def test_calls_without_a_run_are_told_unless_their_run_is_forgotten() -> None:
    old, new = call(at(-999), "t-0", "job-0"), call(at(500), "t-2", http=502, status="failed", reason="no quota")
    found = story.entries(calls(old, new), [run()], [], None)
    assert told(found) == [("Numerai", Outcome.NOT_STARTED), ("round 371", Outcome.FINISHED)]
    assert told(story.entries(calls(old), [], [], None)) == [("Numerai", Outcome.WAITING)]


def test_calls_that_were_turned_away_are_no_triggers() -> None:
    wrong = call(at(0), http=401, status="refused", reason="the token is missing or wrong")
    assert story.entries(calls(wrong), [], [], None) == []
    assert [one.line.http for one in story.refused(calls(wrong))] == [401]


def test_rounds_come_in_their_order_however_they_are_told() -> None:
    plain = [{"number": n, "openTime": at(n).isoformat(), "closeTime": at(n + 9).isoformat()} for n in (3, 1, 2)]
    assert [one.number for one in story.rounds(plain)] == [1, 2, 3]
    staking = {"number": 1, "openTime": None, "closeTime": at(9).isoformat(), "closeStakingTime": at(5).isoformat()}
    (found,) = story.rounds([staking])
    assert (found.closes, found.open_at(at(4)), found.open_at(at(5))) == (at(5), True, False)
