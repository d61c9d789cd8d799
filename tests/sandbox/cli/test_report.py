"""The outcome of a node, and the demo's result table."""

from dataclasses import replace

import pytest
from rich.console import Console

from sandbox.cli.control import RunRecord, Submission, Trigger
from sandbox.cli.report import build_result_table, mask_token, match_outcomes

NODES = {
    "alice": {"model_id": "m-1", "cloud": "aws", "size": "gen-sm"},
    "bob": {"model_id": "m-2", "cloud": "gcp", "size": "[cpu]"},
}
TRIGGERS = [Trigger("m-1", "t-1", 202, 0.2, "{}"), Trigger("m-2", "t-2", 202, 0.3, "{}")]
RUNS = [
    RunRecord("aws", "job", "r-1", "SUCCEEDED", "", "t-1", 100.0, 101.0, 112.5),
    RunRecord("gcp", "job", "r-2", "RUNNING", "", "t-2", 100.0, 101.0, None),
]
SUBMISSIONS = [Submission("m-1", "t-1", 1200, 500, "classic")]


def test_calls_runs_and_submissions_are_matched() -> None:
    alice, bob = match_outcomes(NODES, TRIGGERS, RUNS, SUBMISSIONS)
    assert (alice.node, alice.state, alice.ok, alice.settled) == ("alice", "SUCCEEDED", True, True)
    assert (bob.node, bob.state, bob.ok, bob.settled) == ("bob", "RUNNING", False, False)


@pytest.mark.parametrize(
    "submission",
    [Submission("m-1", "t-0", 1200, 500, "classic"), Submission("m-1", None, 1200, 500, "classic")],
    ids=["of an earlier round", "without a trigger id"],
)
def test_only_the_right_trigger_id_counts(submission: Submission) -> None:
    alice, _ = match_outcomes(NODES, TRIGGERS, RUNS, [submission])
    assert not alice.ok
    assert not alice.settled


def test_a_submission_of_a_job_that_failed_does_not_count() -> None:
    alice, _ = match_outcomes(NODES, TRIGGERS, [replace(RUNS[0], state="FAILED")], SUBMISSIONS)
    assert (alice.ok, alice.settled) == (False, True)


def test_a_refused_call_is_settled() -> None:
    alice, bob = match_outcomes(NODES, [Trigger("m-1", "t-1", 403, 0.1, "disabled")], [], [])
    assert (alice.state, alice.settled, alice.ok) == ("refused (403)", True, False)
    assert (bob.state, bob.settled, bob.ok) == ("not called", True, False)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://h.on.aws/pred/m-1?token=TOP", "h.on.aws/pred/m-1?token=***"),
        ("https://h.on.aws/pred/m-1/TOP", "h.on.aws/pred/m-1/***"),
    ],
)
def test_the_token_is_masked(url: str, shown: str) -> None:
    assert mask_token(url) == shown


def test_the_table_fits_80_columns_and_shows_no_token() -> None:
    narrow = Console(width=80)
    with narrow.capture() as shown:
        narrow.print(build_result_table(match_outcomes(NODES, TRIGGERS, RUNS, SUBMISSIONS)))
    text = shown.get()
    lines = text.splitlines()
    assert lines[0].split() == ["node", "cloud", "size", "trigger", "id", "job", "submission", "seconds"]
    expected = "alice aws gen-sm t-1 SUCCEEDED 500 rows 12.5"
    assert " ".join(lines[1].split()) == expected
    assert "[cpu]" in lines[2]
    assert "TOP" not in text
