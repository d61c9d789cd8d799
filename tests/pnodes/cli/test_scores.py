"""The output of `pnodes scores`: scores beside runs and costs, and what is known while Numerai or a trigger is down."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import requests

from pnodes.wording import moment
from tests.pnodes.deployed_stack import Deployed
from tests.pnodes.scored import MODELS, SATURDAY, Scored, describe_nodes, record_run
from tests.pnodes_command import Pnodes


@pytest.fixture
def alpha(deployed: Deployed, scored: Scored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deployed:
    """Nodes with scored models; one of them has recorded runs, one of which belongs to a round without scores."""
    deployed.outputs = describe_nodes()
    deployed.rounds["alpha"] = {str(number): record_run(number) for number in (1001, 990, 975)}
    (tmp_path / "Pulumi.yaml").write_text("name: prediction-nodes\n")
    monkeypatch.chdir(tmp_path)
    return deployed


def test_each_node_has_a_row(pnodes: Pnodes, alpha: Deployed) -> None:
    result = pnodes("scores")
    assert result.exit_code == 0, result.output
    heading, *rows = result.stdout.splitlines()[:4]
    assert heading.split("  ")[0] == "node"
    assert [row.split()[0] for row in rows] == ["alpha", "beta", "gamma"]
    assert "CORR" in rows[0]
    assert "MPC" in rows[1]
    assert result.stdout.splitlines()[-1].endswith("at today's price of 9.87 for 1 NMR.")


def test_the_rounds_of_a_node_have_scores_runs_and_costs(pnodes: Pnodes, alpha: Deployed) -> None:
    (node,) = json.loads(pnodes("scores", "alpha", "--json").stdout)["nodes"]
    rounds = {round_["round"]: round_ for round_ in node["rounds"]}
    assert node["resolving"] == sum(bool(r["scores"]) and r["resolved"] is False for r in rounds.values())
    pending = [r["payout_nmr"] for r in rounds.values() if r["scores"] and not r["resolved"]]
    assert node["pending_nmr"] == pytest.approx(sum(pending))
    joined = rounds[975]
    assert joined["resolved"]
    assert joined["runs"] == ["t-975-1"]
    assert joined["outcome"] == "submitted"
    assert joined["cost_usd"] == pytest.approx((0.04048 + 4 * 0.004445 + 0.005) / 6)
    assert joined["earned_usd"] == pytest.approx(joined["payout_nmr"] * 9.87)
    assert joined["net_usd"] == pytest.approx(joined["earned_usd"] - joined["cost_usd"])
    assert rounds[974]["cost_usd"] is rounds[974]["net_usd"] is None, "no run is recorded"
    assert rounds[1001]["scores"] == {}
    assert rounds[1001]["cost_usd"] > 0


def test_the_rounds_of_a_named_node_are_listed(pnodes: Pnodes, alpha: Deployed) -> None:
    title, payouts, heading, *rows = pnodes("scores", "alpha").stdout.splitlines()
    assert title.startswith("alpha: CORR 0.0")
    assert re.fullmatch(r"-?[\d.]+ NMR paid in a year, -?[\d.]+ NMR pending in \d+ rounds", payouts)
    assert heading.split() == ["round", "opened", "CORR", "MMC", "resolves", "NMR", "earned", "run", "cost", "net"]
    assert rows[0].startswith("1001")
    assert rows[0].split()[4:7] == ["-", "-", "-"]
    assert sum("submitted" in row for row in rows) == 3
    assert sum(" resolved " in row for row in rows) > 5


def test_without_a_price_costs_and_payouts_stay_apart(
    pnodes: Pnodes, alpha: Deployed, scored: Scored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("providers.numerai.client.Client.nmr_price", lambda _self: None)
    result = pnodes("scores", "alpha")
    assert "Numerai gives no price of NMR, so earnings have no value in USD." in result.stdout
    (node,) = json.loads(pnodes("scores", "alpha", "--json").stdout)["nodes"]
    (joined,) = [round_ for round_ in node["rounds"] if round_["round"] == 975]
    assert (joined["earned_usd"], joined["net_usd"]) == (None, None)
    assert joined["payout_nmr"] is not None
    assert joined["cost_usd"] is not None


def test_while_numerai_is_down_what_is_known_is_shown_with_its_age(
    pnodes: Pnodes, alpha: Deployed, scored: Scored
) -> None:
    before = pnodes("scores").stdout
    scored.world.ahead, scored.failure = timedelta(hours=3), requests.ConnectionError("unreachable")
    result = pnodes("scores")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[1].split()[:5] == before.splitlines()[1].split()[:5]
    assert f"As of {moment(SATURDAY)}." in result.stdout
    assert "alpha, beta, gamma: Numerai could not be reached" in result.stderr
    assert "Traceback" not in result.output


def test_without_any_answer_nothing_is_known(pnodes: Pnodes, alpha: Deployed, scored: Scored) -> None:
    scored.failure = requests.ConnectionError("unreachable")
    for arguments in (("scores",), ("scores", "alpha")):
        result = pnodes(*arguments)
        assert result.exit_code == 1
        assert "Nothing is known yet." in result.stdout


def test_a_trigger_that_does_not_answer_leaves_the_scores(pnodes: Pnodes, alpha: Deployed) -> None:
    alpha.refused["alpha"] = httpx.ConnectError("unreachable")
    result = pnodes("scores", "alpha")
    assert result.exit_code == 1
    assert "alpha: The node's trigger did not answer (ConnectError)." in result.stderr
    assert sum(" resolved " in row for row in result.stdout.splitlines()) > 5


def test_an_unknown_node_is_a_mistake(pnodes: Pnodes, alpha: Deployed) -> None:
    assert pnodes("scores", "alhpa").exit_code == 2


def test_no_secret_is_kept(pnodes: Pnodes, alpha: Deployed, tmp_path: Path) -> None:
    pnodes("scores")
    text = (tmp_path / ".pnodes" / "scores.json").read_text()
    assert "SECRET" not in text
    assert all(model_id in text for _, model_id, _ in MODELS.values())


def test_the_status_shows_what_is_kept_and_asks_nothing(pnodes: Pnodes, alpha: Deployed, scored: Scored) -> None:
    assert "scores of" not in pnodes("status").stdout
    (node, *_) = json.loads(pnodes("status", "--json").stdout)["nodes"]
    assert node["scores"] is None
    assert scored.questions == []
    pnodes("scores", "alpha")
    asked = len(scored.questions)
    heading, first, second = pnodes("status").stdout.splitlines()[:3]
    assert heading.rstrip().endswith(f"scores of {moment(SATURDAY)}")
    assert re.search(r"CORR -?0\.\d{4}, MMC -?0\.\d{4}, rank \d+$", first.rstrip())
    assert second.rstrip().endswith("-")
    (node, *_) = json.loads(pnodes("status", "--json").stdout)["nodes"]
    assert node["scores"]["as_of"] == "2026-11-28T09:00:00Z"
    assert node["scores"]["means"].keys() == {"CORR", "MMC"}
    assert len(scored.questions) == asked
