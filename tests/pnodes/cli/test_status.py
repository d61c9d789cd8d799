"""The output of `pnodes status`, which shows all other clouds if one cannot be queried."""

import json
from datetime import UTC, datetime, timedelta
from typing import NoReturn

import pytest

from pnodes.cli.status import _describe_round
from providers.numerai.client import NumeraiRefused
from providers.operations import Run, State
from tests.pnodes.deployed_stack import NOW, Deployed
from tests.pnodes_command import Pnodes


def test_each_node_has_its_run_and_whether_the_submission_is_of_it(pnodes: Pnodes, deployed: Deployed) -> None:
    inserted = {"insertedAt": "2026-01-01T12:00:00Z", "round": {"number": 371}}
    deployed.sent = {"m-alpha": [{"triggerId": "t-1", **inserted}], "m-beta": [{"triggerId": "t-0", **inserted}]}
    deployed.nodes["gamma"].known = []
    result = pnodes("status")
    assert result.exit_code == 0, result.output
    rows = {line.split()[0]: line for line in result.stdout.splitlines() if line.strip()}
    assert "SUCCEEDED" in rows["alpha"]
    assert "round 371" in rows["alpha"]
    assert "1 min 15 s" in rows["alpha"]
    assert rows["alpha"].rstrip().endswith(", of this run")
    assert rows["beta"].rstrip().endswith("not of this run")
    assert "never ran" in rows["gamma"]
    assert "classic: round 371 is open until" in result.stdout
    assert "SECRET" not in result.output


def test_a_disabled_node_does_not_look_healthy(pnodes: Pnodes, deployed: Deployed) -> None:
    deployed.outputs["settings"] = {"alpha": {"enabled": False}, "beta": {"enabled": True}}
    result = pnodes("status")
    rows = {line.split()[0]: line for line in result.stdout.splitlines() if line.strip()}
    assert "disabled" in rows["alpha"]
    assert "SUCCEEDED" not in rows["alpha"]
    assert "disabled" not in rows["beta"] + rows["gamma"]
    document = json.loads(pnodes("status", "--json").stdout)
    assert [each["enabled"] for each in document["nodes"]] == [False, True, True]


def test_a_failed_run_shows_its_reason(pnodes: Pnodes, deployed: Deployed) -> None:
    deployed.nodes["beta"].known = deployed.nodes["beta"].known[1:]
    result = pnodes("status")
    assert result.exit_code == 0, result.output
    assert "beta: the last run failed: exit code 1 (`pnodes logs beta`)" in result.stdout


def test_only_the_nodes_that_are_named(pnodes: Pnodes, deployed: Deployed) -> None:
    deployed.nodes["beta"].broken = "Google Cloud gives no token."
    result = pnodes("status", "gamma", "alpha")
    assert result.exit_code == 0, result.output
    document = json.loads(pnodes("status", "gamma", "alpha", "--json").stdout)
    assert [each["name"] for each in document["nodes"]] == ["gamma", "alpha"]
    assert "classic" in document["rounds"]
    wrong = pnodes("status", "alpa")
    assert wrong.exit_code == 2, wrong.output
    assert 'The stack has no node "alpa". Did you mean "alpha"?' in wrong.stderr


def test_a_cloud_that_cannot_be_asked_shows_its_sentence_and_hides_no_other(pnodes: Pnodes, deployed: Deployed) -> None:
    deployed.nodes["beta"].broken = "Google Cloud gives no token."
    result = pnodes("status")
    assert result.exit_code == 1, result.output
    assert result.stdout.count("SUCCEEDED") == 2
    assert "beta: Google Cloud gives no token." in result.stderr
    document = json.loads(pnodes("status", "--json").stdout)
    assert [each["problems"] for each in document["nodes"]] == [[], ["Google Cloud gives no token."], []]
    assert document["nodes"][0]["run"]["id"] == "run-2"
    assert document["rounds"]["classic"]["number"] == 371


def test_the_stack_that_is_named_is_the_one_that_is_asked(pnodes: Pnodes, deployed: Deployed) -> None:
    pnodes("status", "--stack", "live")
    assert not [each for each in deployed.asked if each[-2:] != ["--stack", "live"]]


def test_a_stack_without_nodes_is_a_sentence(pnodes: Pnodes, deployed: Deployed) -> None:
    deployed.outputs = {}
    result = pnodes("status")
    assert result.exit_code == 1, result.output
    assert "no nodes yet" in result.stderr


@pytest.mark.parametrize(
    ("opens", "closes", "says"),
    [
        (90, 150, "round 7 opens "),
        (-10, 50, "round 7 is open until "),
        (-90, -30, "Numerai has not announced the next opening yet"),
    ],
)
def test_rounds_are_told_as_numerai_tells_them(opens: int, closes: int, says: str) -> None:
    now = datetime.now(UTC)
    stamps = [(now + timedelta(minutes=each)).isoformat() for each in (opens, closes)]
    assert says in _describe_round({"number": 7, "openTime": stamps[0], "closeStakingTime": stamps[1]}, now)


def test_a_check_prints_nothing_if_all_is_well(pnodes: Pnodes, deployed: Deployed) -> None:
    deployed.rounds = {"alpha": {"370": {"submitted": {"at": 1.0, "late": False}}, "371": {"1.claim": {"at": 2.0}}}}
    result = pnodes("status", "--check")
    assert (result.exit_code, result.output) == (0, "")


FAILED = Run("run-3", State.FAILED, NOW, "exit code 1", NOW, NOW, "t-3", "371")
REFUSAL = '{"node": "alpha", "route": "pred", "http": 401, "status": "refused", "reason": "the token is wrong"}'


def test_a_check_prints_one_line_for_each_problem(pnodes: Pnodes, deployed: Deployed) -> None:
    deployed.rounds = {
        "alpha": {"370": {"missed": {"at": 1.0}}, "371": {"1.claim": {"at": 2.0, "run": "t-1"}}},
        "beta": {"370": {"submitted": {"at": NOW.timestamp(), "late": True}}},
    }
    deployed.nodes["gamma"].known = [FAILED]
    deployed.nodes["alpha"].calls = [REFUSAL]
    result = pnodes("status", "--check")
    assert result.exit_code == 1, result.output
    late = f"{NOW.astimezone():%H:%M:%S}"
    assert result.output.splitlines() == [
        "alpha: round 370 was missed: no run was started",
        "alpha: its trigger refused a call (HTTP 401): the token is wrong",
        f"beta: round 370 was submitted late, {late}",
        "gamma: the last run failed: exit code 1",
    ]
    assert pnodes("status", "--check", "gamma").stdout == "gamma: the last run failed: exit code 1\n"


def test_a_check_has_one_line_for_a_trigger_that_serves_several_nodes(pnodes: Pnodes, deployed: Deployed) -> None:
    deployed.refused = {"alpha": (401, "the token is missing"), "beta": (401, "the token is missing")}
    deployed.nodes["gamma"].broken = "Azure gives\nno token."
    assert pnodes("status", "--check").stdout.splitlines() == [
        "alpha, beta: The node's trigger refused the query: HTTP 401: the token is missing.",
        "gamma: Azure gives no token.",
    ]


def test_a_failed_run_is_no_problem_of_its_own_once_its_round_has_a_result(pnodes: Pnodes, deployed: Deployed) -> None:
    deployed.nodes["alpha"].known = deployed.nodes["gamma"].known = [FAILED]
    deployed.nodes["beta"].known = [Run("run-3", State.FAILED, NOW, "", round="test")]
    deployed.rounds = {"alpha": {"371": {"submitted": {"at": 1.0, "late": False}}}}
    deployed.sent = {"m-gamma": [{"triggerId": None, "insertedAt": "2026-01-01T12:00:00Z", "round": {"number": 371}}]}
    assert pnodes("status", "--check").output == ""
    deployed.rounds = {"alpha": {"371": {"missed": {"at": 1.0}}}}
    assert pnodes("status", "--check").stdout == "alpha: round 371 was missed: no run was started\n"


def test_a_check_leaves_disabled_nodes_out(pnodes: Pnodes, deployed: Deployed) -> None:
    deployed.outputs["settings"] = {"alpha": {"enabled": False}}
    deployed.rounds = {"alpha": {"371": {"missed": {"at": 1.0}}}}
    assert pnodes("status", "--check").output == ""


def test_a_check_compares_the_webhooks_with_numerai_s_with_one_request(pnodes: Pnodes, deployed: Deployed) -> None:
    deployed.outputs["settings"] = {"alpha": {}, "beta": {}, "gamma": {"register_webhook": False}}
    deployed.registered = {
        "m-alpha": None,
        "m-beta": "https://other.example/pred/m-beta?token=SECRET",
        "m-gamma": "https://mine.example/hook",
    }
    result = pnodes("status", "--check")
    assert result.exit_code == 1, result.output
    mend = "`pulumi up --refresh` sets the node's own again"
    assert result.output.splitlines() == [
        f"alpha: Numerai has no webhook for this model; {mend}",
        f"beta: Numerai has another webhook for this model, at other.example; {mend}",
    ]
    assert deployed.listed == 1


def test_a_check_names_a_node_once_if_numerai_refuses_all_its_queries(
    pnodes: Pnodes, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: str) -> NoReturn:
        raise NumeraiRefused("Numerai refused: no scope.")

    deployed.outputs["settings"] = {"alpha": {}, "beta": {}, "gamma": {}}
    monkeypatch.setattr(deployed, "submissions", refuse)
    monkeypatch.setattr(deployed, "webhooks", refuse)
    assert pnodes("status", "--check").stdout == "alpha, beta, gamma: Numerai refused: no scope.\n"


def test_a_check_does_not_expect_a_webhook_for_a_rescue(pnodes: Pnodes, deployed: Deployed) -> None:
    deployed.outputs["settings"] = {"alpha": {}, "beta": {}}
    deployed.outputs["nodes"]["gamma"] |= {"rescues": "alpha", "model_id": "m-alpha"}
    deployed.registered = {"m-alpha": deployed.outputs["webhooks"]["alpha"]}
    assert pnodes("status", "--check").output == ""
