"""The output of `pnodes logs` on each stream, and its exit codes."""

import json

from tests.pnodes.deployed_stack import Deployed
from tests.pnodes_command import Pnodes

CALL = '{"node":"alpha","method":"POST","run":"t-1","route":"pred","http":202,"status":"started"}'


def test_the_newest_run_s_lines_stand_alone_on_standard_output(pnodes: Pnodes, deployed: Deployed) -> None:
    result = pnodes("logs", "alpha")
    assert result.exit_code == 0, result.output
    assert result.stdout == "[red] first\nlast\n"
    assert "run-2" in result.stderr
    assert "SUCCEEDED after 1 min 15 s" in result.stderr
    assert pnodes("logs", "alpha", "-n", "1").stdout == "last\n"
    assert pnodes("logs", "alpha", "--follow").stdout == result.stdout


def test_a_failed_run_ends_with_1_and_its_reason(pnodes: Pnodes, deployed: Deployed) -> None:
    result = pnodes("logs", "alpha", "--run", "run-1")
    assert result.exit_code == 1, result.output
    assert "FAILED after 0 s: exit code 1" in result.stderr


def test_the_trigger_s_calls_are_readable_and_as_they_are_in_json(pnodes: Pnodes, deployed: Deployed) -> None:
    deployed.nodes["alpha"].calls = [CALL]
    assert pnodes("logs", "alpha", "--trigger").stdout.endswith("POST pred -> 202 started run t-1\n")
    assert json.loads(pnodes("logs", "alpha", "--trigger", "--json").stdout)["text"] == CALL


def test_mistakes_are_sentences(pnodes: Pnodes, deployed: Deployed) -> None:
    unknown = pnodes("logs", "alhpa")
    assert unknown.exit_code == 2, unknown.output
    assert 'Did you mean "alpha"?' in unknown.stderr
    ambiguous = pnodes("logs", "alpha", "--run", "run")
    assert ambiguous.exit_code == 2, ambiguous.output
    assert "More than one run" in ambiguous.stderr
    done = pnodes("logs", "alpha", "--trigger", "--run", "x")
    assert done.exit_code == 2, done.output
    deployed.nodes["alpha"].known = []
    never = pnodes("logs", "alpha")
    assert never.exit_code == 1, never.output
    assert "has not run yet" in never.stderr
    deployed.nodes["alpha"].broken = "AWS does not take these credentials."
    assert "AWS does not take" in pnodes("logs", "alpha").stderr
