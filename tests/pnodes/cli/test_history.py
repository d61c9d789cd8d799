"""The output of `pnodes history`, which shows all other nodes if a trigger cannot be queried."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from pnodes.wording import moment, stamp
from tests.pnodes.deployed_stack import NOW, Deployed
from tests.pnodes_command import Pnodes


def mark(days: float, **more: Any) -> dict[str, Any]:
    return {"at": (NOW - timedelta(days=days)).timestamp(), **more}


def ended(state: str, reason: str = "") -> dict[str, Any]:
    began = NOW.timestamp()
    return {"job": "j", "state": state, "reason": reason, "own": True, "created": began, "ended": began + 60}


@pytest.fixture
def rounds(deployed: Deployed) -> Deployed:
    """Three rounds of one node; the others have none."""
    deployed.rounds["alpha"] = {
        "99": {"1.claim": mark(100, run="t-0"), "missed": mark(100)},
        "369": {"1.claim": mark(3, run="t-1"), "t-1.ended": ended("succeeded"), "submitted": mark(3, late=False)},
        "370": {
            "1.claim": mark(2, run="watch-370-1"),
            "watch-370-1.ended": ended("failed", "[exit code 1]"),
            "2.claim": mark(2, run="watch-370-2"),
            "watch-370-2.ended": ended("failed", "[exit code 1]"),
            "missed": mark(2),
        },
        "371": {"1.claim": mark(0, run="t-2")},
    }
    return deployed


def test_each_round_has_a_row_and_each_node_its_availability(pnodes: Pnodes, rounds: Deployed) -> None:
    result = pnodes("history")
    assert result.exit_code == 0, result.output
    (title, heading, *lines), others = result.stdout.splitlines()[:5], result.stdout.splitlines()[5:]
    assert title == "alpha: 1 of 2 rounds in time, 50 %"
    assert heading.split() == ["round", "called", "started", "by", "repeats", "result"]
    called = [moment(NOW - timedelta(days=days)) for days in (0, 2, 3)]
    assert [line.split() for line in lines] == [
        ["371", *called[0].split(), "webhook", "none", "yet"],
        ["370", *called[1].split(), "watch", "1", "missed:", "the", "run", "failed:", "[exit", "code", "1]"],
        ["369", *called[2].split(), "webhook", "submitted", *called[2].split()],
    ]
    assert others == ["", "beta: no round yet", "", "gamma: no round yet"]
    assert "SECRET" not in result.output


def test_the_days_are_limited(pnodes: Pnodes, rounds: Deployed) -> None:
    result = pnodes("history", "alpha", "--days", "1")
    assert result.stdout.startswith("alpha: no round has a result yet\n")
    assert "370" not in result.stdout


def test_the_document_has_the_runs(pnodes: Pnodes, rounds: Deployed) -> None:
    (node,) = json.loads(pnodes("history", "alpha", "--json").stdout)["nodes"]
    assert (node["name"], node["availability"], node["problem"]) == ("alpha", 50.0, None)
    assert [round_["round"] for round_ in node["rounds"]] == [371, 370, 369]
    assert node["rounds"][1] == {
        "round": 370,
        "outcome": "missed",
        "reason": "the run failed: [exit code 1]",
        "called": stamp(NOW - timedelta(days=2)),
        "started_by": "watch",
        "repeats": 1,
        "ended": stamp(NOW - timedelta(days=2)),
        "runs": [
            {"id": f"watch-370-{number}", "state": "failed", "reason": "[exit code 1]", "seconds": 60.0}
            for number in (1, 2)
        ],
    }


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ((404, "expected POST /pred/<model id>"), "beta: The node's trigger was deployed by an earlier version."),
        ((401, "the token is missing"), "beta: The node's trigger refused the query: HTTP 401: the token is missing."),
        ((200, ""), "beta: The node's trigger refused the query: HTTP 200."),
        (httpx.ConnectError("SECRET"), "beta: The node's trigger did not answer (ConnectError)."),
    ],
)
def test_a_trigger_that_cannot_be_queried_hides_no_other(
    pnodes: Pnodes, rounds: Deployed, answer: tuple[int, str] | httpx.HTTPError, sentence: str
) -> None:
    rounds.refused["beta"] = answer
    result = pnodes("history")
    assert result.exit_code == 1, result.output
    assert sentence in result.stderr
    assert result.stdout.startswith("alpha: 1 of 2 rounds")
    assert result.stdout.endswith("\ngamma: no round yet\n")
    assert "SECRET" not in result.output
    assert json.loads(pnodes("history", "--json").stdout)["nodes"][1]["problem"] in result.stderr.replace("beta: ", "")


def test_a_rescued_round_is_shown_while_the_node_s_cloud_is_down(pnodes: Pnodes, deployed: Deployed) -> None:
    deployed.outputs["nodes"]["beta"]["rescues"] = "alpha"
    rescued = {"1.claim": mark(0, run="watch-371-1"), "submitted": mark(0, late=False, rescued=True)}
    deployed.rounds["beta"] = {"371": rescued}
    deployed.outputs["nodes"]["beta"]["model_id"] = "m-beta"
    deployed.refused["alpha"] = httpx.ConnectError("nobody there")
    result = pnodes("history")
    assert result.exit_code == 1, result.output
    assert "alpha: The node's trigger did not answer (ConnectError)." in result.stderr
    assert "alpha: 1 of 1 rounds in time, 100 %" in result.stdout
    assert "its trigger does not answer" in result.stdout
    assert "rescued" in result.stdout
    assert "beta:" not in result.stdout, "a rescue's rounds are those of its node"
    document = json.loads(pnodes("history", "alpha", "--json").stdout)["nodes"][0]
    assert [(round_["round"], round_["outcome"]) for round_ in document["rounds"]] == [(371, "rescued")]
    assert "did not answer" in document["problem"]
    alone = pnodes("history", "beta")
    assert alone.stdout.startswith("beta: 1 of 1"), alone.output
