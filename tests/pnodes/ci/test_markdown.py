"""Comments and issues stay within GitHub's limits, and no text can close its own code block."""

from __future__ import annotations

import pytest

from pnodes.ci import comment, drift, rounds
from pnodes.ci.drift import Drifted
from pnodes.ci.markdown import LONGEST, Origin
from pnodes.plan.summary import Summary

ORIGIN = Origin("live", "0123456789abcdef", "https://github.com/o/r/actions/runs/1")
NOTHING = Summary((), 1.0, 1.0, 10.0, {})


def test_a_long_diff_is_cut_by_lines_and_says_so() -> None:
    diff = "\n".join(f"line {number} {'ü' * 50}" for number in range(5000))
    body = comment.render_changes(NOTHING, diff, ORIGIN)
    assert LONGEST - 200 < len(body) <= LONGEST
    assert f"it has {len(diff):,} characters, but a comment may have only 65,536" in body
    assert "line 0 " in body
    assert "line 4999 " not in body
    assert body.count("```") == 2
    assert body.endswith(f"By [this run]({ORIGIN.run_url}), for 0123456.\n")


def test_of_a_long_failure_the_end_is_kept() -> None:
    body = comment.render_failure("\n".join(f"line {number}" for number in range(20_000)), ORIGIN)
    assert len(body) <= LONGEST
    assert "line 19999" in body
    assert "line 0\n" not in body


def test_one_line_that_is_too_long_is_left_out() -> None:
    body = comment.render_changes(NOTHING, "x" * 100_000, ORIGIN)
    assert len(body) <= LONGEST
    assert "This text is shortened" in body


@pytest.mark.parametrize("fence", ["```", "````", "`````"])
def test_a_text_cannot_end_its_code(fence: str) -> None:
    body = comment.render_changes(NOTHING, f"a\n{fence}\n@everybody <script>\n{fence}\nb", ORIGIN)
    longer = fence + "`"
    assert body.count(f"\n{longer}\n") == 2
    assert body.index(f"\n{longer}\n") < body.index("@everybody") < body.rindex(f"\n{longer}\n")


def test_a_drift_names_its_resources() -> None:
    body = drift.render_body((Drifted("aws:lambda/function:Function", "al`pha|", "is gone"),), "- x", ORIGIN)
    assert body.startswith(drift.MARK)
    assert "| `al'pha\\|` | `aws:lambda/function:Function` | is gone |" in body


def test_what_has_drifted_is_read_from_the_event_log() -> None:
    urn = "urn:pulumi:live::p::prediction-nodes:aws:Node$pulumi-python:dynamic/prediction-nodes:Webhook::alpha"
    events = [
        '{"preludeEvent": {}}',
        f'{{"resOutputsEvent": {{"metadata": {{"op": "refresh", "urn": "{urn}"}}}}}}',
        f'{{"resOutputsEvent": {{"metadata": {{"op": "update", "urn": "{urn}"}}}}}}',
    ]
    assert drift.find_drift(events) == (Drifted("prediction-nodes:Webhook", "alpha", "was changed"),)


def test_the_problems_of_rounds_are_a_text_that_nothing_can_close() -> None:
    body = rounds.render_body(["alpha: round 371 was missed: ```", "beta: the last run failed: @everybody"], ORIGIN)
    assert body.startswith(f"{rounds.MARK}\n`pnodes status --check` found problems in the stack `live`.")
    assert "\n````\nalpha: round 371 was missed: ```\nbeta: the last run failed: @everybody\n````\n" in body
    assert body.endswith(f"By [this run]({ORIGIN.run_url}), for 0123456.\n")
