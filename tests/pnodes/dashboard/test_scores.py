"""The scores on the page: each model's means, rank and stake, its rounds, and the payouts of all models."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pnodes.dashboard.clocks import summarise
from pnodes.dashboard.deployment import Deployment
from pnodes.dashboard.page import render_parts
from pnodes.dashboard.report import build_report
from pnodes.dashboard.view import build_node_view
from pnodes.dashboard.watch import Snapshot, query_once
from pnodes.deployed.history import EndedRun, Outcome, RoundRecord
from pnodes.deployed.scores import Rank, Scores
from providers.numerai.scores import RoundScores
from tests.pnodes.dashboard.fake_world import TOKEN, make_world

NOW = datetime(2026, 11, 28, 9, 0, tzinfo=UTC)


def score(number: int, corr: float, payout: float, resolved: bool) -> RoundScores:
    opened = NOW - timedelta(days=400 - number)
    return RoundScores(
        number, opened, opened + timedelta(days=31), resolved, 20.0, payout, {"CORR": corr, "MMC": 0.001}
    )


ROUNDS = (score(370, 0.02, -0.5, False), score(340, 0.03, 1.5, True), score(339, 0.01, 0.25, True))
KNOWN = Scores(ROUNDS, Rank(211, 20.0), 10.0, NOW)


@pytest.fixture(scope="module")
def deployment() -> Deployment:
    world = make_world()
    run = EndedRun("r", "succeeded", "", NOW - timedelta(days=60), 600)
    world.history["alpha"] = [RoundRecord(340, Outcome.SUBMITTED, run.created, "webhook", 0, (run,), NOW, "")]
    answers = {"alpha": (KNOWN, []), "beta": (KNOWN, []), "gamma": (None, [f"Numerai is busy, {TOKEN}."])}
    return replace(world.deployment(), scores=lambda: answers)


@pytest.fixture(scope="module")
def snapshot(deployment: Deployment) -> Snapshot:
    return query_once(deployment)


def test_a_card_has_the_means_the_rank_and_the_stake(snapshot: Snapshot) -> None:
    cards = {part.id: part.html for part in render_parts(snapshot, {}, NOW)}
    assert "CORR 0.0200, MMC 0.0010</li>" in cards["node-alpha"]
    assert "<li>rank 211</li>" in cards["node-alpha"]
    assert "<li>20.00\N{NO-BREAK SPACE}NMR staked</li>" in cards["node-alpha"]
    assert "1.75\N{NO-BREAK SPACE}NMR paid in a year" in cards["node-alpha"]
    assert "<td>resolved<td>" in cards["node-alpha"]
    assert "Scores of the rounds" in cards["node-alpha"]
    assert "3 rounds, 339 to 370" in cards["node-alpha"]
    assert "Scores of the rounds" not in cards["node-gamma"]
    assert '<td role="cell" class="number" data-label="CORR">0.0200</td>' in cards["table"]
    assert "rank" not in cards["node-delta"]


def test_a_round_has_its_cost_beside_what_it_earned(snapshot: Snapshot) -> None:
    view = build_node_view(snapshot, "alpha", NOW)
    assert [round_.number for round_ in view.earnings] == [370, 340, 339]
    joined = view.earnings[1]
    assert joined.earned == 15.0
    assert joined.cost is not None
    assert joined.net == pytest.approx(15.0 - joined.cost)
    assert view.earnings[2].net is None, "no run is recorded"


def test_the_payouts_of_a_model_count_once(snapshot: Snapshot) -> None:
    views = [build_node_view(snapshot, name, NOW) for name in snapshot.deployment.nodes]
    summary = summarise(snapshot, views)
    assert summary.paid == "1.75\N{NO-BREAK SPACE}NMR"
    assert summary.paid_note.startswith("-0.5000\N{NO-BREAK SPACE}NMR pending in 1\N{NO-BREAK SPACE}round; at 10.00")
    for view in views:
        view.scores = None
    nothing = summarise(snapshot, views)
    assert (nothing.paid, nothing.paid_note) == ("", "")


def test_a_failed_question_is_on_the_card_and_at_the_export_without_secrets(
    snapshot: Snapshot, deployment: Deployment
) -> None:
    assert "Numerai is busy, ***." in build_node_view(snapshot, "gamma", NOW).problems
    document, problems = build_report(deployment, 0)
    assert "gamma: Numerai is busy, ***." in problems
    assert TOKEN not in document
