"""What the records of a round say about it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from pnodes.deployed.history import (
    Outcome,
    RoundRecord,
    describe_result,
    merge_rounds,
    rate_availability,
    read_round,
)

CALLED = {"at": 1000.0, "run": "t-1"}
WATCHED = {"at": 1900.0, "run": "watch-371-2"}
MISSED = {"missed": {"at": 5000.0}}


def ended(state: str, reason: str = "", seconds: float = 60.0) -> dict[str, Any]:
    return {"job": "j", "state": state, "reason": reason, "own": None, "created": 1000.0, "ended": 1000.0 + seconds}


def test_a_round_in_time() -> None:
    round_ = read_round(371, {"1.claim": CALLED, "t-1.ended": ended("succeeded"), "submitted": {"at": 1100.0}})
    assert (round_.outcome, round_.started_by, round_.repeats, round_.reason) == (Outcome.SUBMITTED, "webhook", 0, "")
    assert (round_.called, round_.ended) == (datetime.fromtimestamp(1000, UTC), datetime.fromtimestamp(1100, UTC))
    assert [(run.id, run.state, run.seconds) for run in round_.runs] == [("t-1", "succeeded", 60.0)]


def test_claims_are_counted_in_their_order() -> None:
    claims = {f"{number}.claim": {"at": float(number), "run": f"watch-371-{number}"} for number in (10, 9, 2)}
    round_ = read_round(371, {**claims, "1.claim": CALLED | {"at": 1.0}})
    assert (round_.outcome, round_.started_by, round_.repeats) == (Outcome.OPEN, "webhook", 3)
    assert read_round(371, {"1.claim": WATCHED}).started_by == "watch"


def test_a_start_that_was_tried_again_is_no_repeat() -> None:
    assert read_round(371, {"1.claim": CALLED, "2.claim": CALLED}).repeats == 0


def test_runs_of_a_schedule_are_starts_and_tests_are_not() -> None:
    round_ = read_round(371, {"schedule-1.ended": ended("failed"), "1.claim": WATCHED, "t-9.ended": ended("failed")})
    assert (round_.started_by, round_.repeats, [run.id for run in round_.runs]) == ("schedule", 1, ["schedule-1"])
    assert round_.called == datetime.fromtimestamp(1000, UTC)


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        ({}, "no run was started"),
        ({"watch-370-1.ended": ended("succeeded")}, "no run was started"),
        ({"1.claim": CALLED, "t-1.ended": ended("failed", "exit code 1")}, "the run failed: exit code 1"),
        ({"1.claim": CALLED, "t-1.ended": ended("failed")}, "the run failed: the cloud gives no reason"),
        ({"1.claim": CALLED, "t-1.ended": ended("stopped")}, "the run was stopped"),
        ({"1.claim": CALLED, "t-1.ended": ended("succeeded")}, "the run ended without a submission"),
        ({"schedule-1.ended": ended("failed", "exit code 1")}, "the run failed: exit code 1"),
        ({"1.claim": CALLED}, "the run did not end in time"),
        ({"1.claim": CALLED, "t-1.ended": ended("failed"), "2.claim": WATCHED}, "the run did not end in time"),
        ({"1.claim": CALLED, "t-1.failed": {"reason": "no capacity"}}, "the job could not be started: no capacity"),
    ],
)
def test_why_a_round_was_missed(records: dict[str, Any], reason: str) -> None:
    round_ = read_round(371, {**records, **MISSED})
    assert (round_.outcome, round_.reason) == (Outcome.MISSED, reason)


def test_why_a_round_was_late() -> None:
    submitted = {"submitted": {"at": 1100.0, "late": True}}
    assert read_round(371, submitted).reason == ""
    slow = {"1.claim": CALLED, "t-1.ended": ended("succeeded", seconds=7200), **submitted}
    assert read_round(371, slow).reason == "the run took 2 h"


def test_the_availability_counts_rounds_with_a_result() -> None:
    def build(*outcomes: Outcome) -> list[RoundRecord]:
        return [RoundRecord(1, outcome, None, "", 0, (), None, "") for outcome in outcomes]

    assert rate_availability(build(Outcome.SUBMITTED, Outcome.LATE, Outcome.OPEN, Outcome.MISSED)) == 100 / 3
    assert rate_availability(build(Outcome.OPEN)) is None


RESCUE = {
    "1.claim": {"at": 2800.0, "run": "watch-371-1"},
    "watch-371-1.ended": ended("succeeded"),
    "submitted": {"at": 2860.0, "rescued": True},
}


@pytest.mark.parametrize(
    ("records", "reason", "starter", "repeats"),
    [
        ({"submitted": {"at": 2860.0}}, "no run was started", "watch", 0),
        (
            {"1.claim": CALLED, "t-1.failed": {"reason": "no capacity"}},
            "could not be started: no capacity",
            "webhook",
            0,
        ),
        ({"1.claim": CALLED, "2.claim": {"at": 2800.0, "run": "partner-371-1"}}, "did not end in time", "webhook", 0),
        (
            {"1.claim": CALLED, "t-1.ended": ended("failed", "exit code 1"), "2.claim": WATCHED},
            "did not end",
            "webhook",
            1,
        ),
    ],
)
def test_a_round_that_the_rescue_submitted_is_rescued(
    records: dict[str, Any], reason: str, starter: str, repeats: int
) -> None:
    (round_,) = merge_rounds([read_round(371, records)], [read_round(371, RESCUE)])
    assert (round_.outcome, round_.started_by, round_.repeats) == (Outcome.RESCUED, starter, repeats)
    assert reason in round_.reason
    assert describe_result(round_).startswith("rescued ")
    assert round_.runs[-1].id == "watch-371-1"
    assert rate_availability([round_]) == 100


def test_a_rescue_knows_what_became_of_a_round_while_the_node_s_trigger_is_silent() -> None:
    (round_,) = merge_rounds(None, [read_round(371, RESCUE)])
    assert (round_.outcome, round_.reason) == (Outcome.RESCUED, "its trigger does not answer")
    by_node = [read_round(371, {"submitted": {"at": 1100.0}})]
    assert [each.outcome for each in merge_rounds(None, by_node)] == [Outcome.SUBMITTED]
    opened = [read_round(371, {"1.claim": CALLED})]
    assert [(each.outcome, each.started_by) for each in merge_rounds(opened, by_node)] == [
        (Outcome.SUBMITTED, "webhook")
    ]


def test_rounds_without_a_rescue_are_the_node_s_own() -> None:
    own = [read_round(371, {"1.claim": CALLED, **MISSED}), read_round(370, {"submitted": {"at": 1.0}})]
    assert merge_rounds(own, []) == own
    assert merge_rounds(own, None) == own
    assert merge_rounds(own, [read_round(371, MISSED)]) == own


def test_a_claim_for_the_partner_is_no_start() -> None:
    round_ = read_round(371, {"1.claim": {"at": 2800.0, "run": "partner-371-1"}, **MISSED})
    assert (round_.started_by, round_.reason) == ("", "no run was started")
