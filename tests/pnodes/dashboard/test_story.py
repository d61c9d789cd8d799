"""Related calls, runs and submissions become one trigger; unknown facts are not guessed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pnodes.dashboard import story
from pnodes.dashboard.rounds import Round, parse_rounds
from pnodes.dashboard.sources import Call
from pnodes.dashboard.story import Entry, Outcome
from providers.operations import Run, State
from tests.pnodes.dashboard.fake_world import call
from trigger.log_line import parse

T = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ROUND = Round(371, T, T + timedelta(hours=1))


def at(seconds: float) -> datetime:
    return T + timedelta(seconds=seconds)


def calls(*lines: Any) -> list[Call]:
    return [Call(line.time, parsed) for line in lines if (parsed := parse(line.text))]


def run(**facts: Any) -> Run:
    defaults = {"id": "job-1", "state": State.SUCCEEDED, "created": at(2), "started": at(30), "stopped": at(200)}
    return Run(**{**defaults, "trigger_id": "t-1", "round": "371", **facts})


def submitted(seconds: float, trigger_id: str | None = "t-1", number: int = 371, *runs: Run) -> list[story.Submission]:
    item = {"triggerId": trigger_id, "insertedAt": at(seconds).isoformat(), "round": {"number": number}}
    return story.parse_submissions([item], [ROUND], runs)


def summarise(entries: list[Entry]) -> list[tuple[str, Outcome]]:
    return [(entry.cause, entry.outcome) for entry in entries]


def test_a_round_is_one_trigger_from_its_call_to_its_submission() -> None:
    entries = story.list_entries(calls(call(at(0), "t-1", "queue/job-1")), [run()], submitted(190), at(300))
    assert summarise(entries) == [("round 371", Outcome.SUBMITTED)]
    assert (entries[0].at, entries[0].end) == (at(0), at(200))


def test_numerai_s_second_call_belongs_to_the_same_trigger() -> None:
    failed = call(at(0), "t-1", http=502, status="failed", reason="Batch: throttled")
    again = [call(at(60), "t-1", "job-1"), call(at(90), "t-1", "job-1", 200, status="already started")]
    (entry,) = story.list_entries(calls(failed, *again), [run(created=at(61))], [], None)
    assert [call.line.http for call in entry.calls] == [502, 202, 200]


def test_a_scheduled_run_is_linked_to_its_call_by_the_job_and_to_its_submission_by_the_time() -> None:
    tick = call(at(0), "schedule-77", "projects/p/jobs/j/executions/job-1", route="schedule")
    scheduled = run(trigger_id="", round="")
    (entry,) = story.list_entries(calls(tick), [scheduled], submitted(100, None), at(300))
    assert (entry.cause, entry.outcome, len(entry.calls)) == ("round 371", Outcome.SUBMITTED, 1)
    (other,) = story.list_entries(calls(tick), [scheduled], submitted(999, None), at(3000))
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
    (entry,) = story.list_entries([], [run(**facts)], [], asked)
    assert entry.outcome is outcome


def test_a_submission_after_the_close_is_late_and_one_for_an_unknown_round_is_unknown() -> None:
    (late,) = story.list_entries([], [run()], submitted(3601), at(9999))
    assert late.outcome is Outcome.LATE
    assert [submission.on_time for submission in submitted(3600)] == [True]
    assert [submission.on_time for submission in submitted(10, number=99)] == [None]


def test_a_submission_is_linked_to_the_run_with_its_trigger_id() -> None:
    linked = run()
    assert [submission.run for submission in submitted(10, "t-1", 371, linked)] == [linked]
    assert [submission.run for submission in submitted(10, "t-2", 371, linked)] == [None]


def test_calls_without_a_run_are_listed_unless_the_cloud_no_longer_lists_their_run() -> None:
    old, new = call(at(-999), "t-0", "job-0"), call(at(500), "t-2", http=502, status="failed", reason="no quota")
    entries = story.list_entries(calls(old, new), [run()], [], None)
    assert summarise(entries) == [("Numerai", Outcome.NOT_STARTED), ("round 371", Outcome.FINISHED)]
    assert summarise(story.list_entries(calls(old), [], [], None)) == [("Numerai", Outcome.WAITING)]


def test_refused_calls_are_not_triggers() -> None:
    wrong = call(at(0), http=401, status="refused", reason="the token is missing or wrong")
    assert story.list_entries(calls(wrong), [], [], None) == []
    assert [call.line.http for call in story.list_refused(calls(wrong))] == [401]


def test_rounds_are_sorted_by_opening_time() -> None:
    plain = [{"number": n, "openTime": at(n).isoformat(), "closeTime": at(n + 9).isoformat()} for n in (3, 1, 2)]
    assert [round_.number for round_ in parse_rounds(plain)] == [1, 2, 3]
    staking = {"number": 1, "openTime": None, "closeTime": at(9).isoformat(), "closeStakingTime": at(5).isoformat()}
    (parsed,) = parse_rounds([staking])
    assert (parsed.closes, parsed.open_at(at(4)), parsed.open_at(at(5))) == (at(5), True, False)
