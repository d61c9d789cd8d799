"""Which runs `pnodes stop` stops, and its exit codes."""

import json
from datetime import UTC, datetime

from providers.operations import Run, State
from tests.pnodes.deployed_stack import Deployed
from tests.pnodes_command import Pnodes

NOW = datetime.now(UTC)
RUNNING = [Run("run-4", State.RUNNING, NOW, started=NOW), Run("run-3", State.PENDING, NOW)]


def test_the_one_that_runs_is_stopped_and_waited_for(pnodes: Pnodes, deployed: Deployed) -> None:
    node = deployed.nodes["alpha"]
    node.known = [RUNNING[0], *node.known]
    result = pnodes("stop", "alpha")
    assert result.exit_code == 0, result.output
    assert node.stopped == ["run-4"]
    assert "alpha: run-4 is CANCELLED" in result.stdout


def test_nothing_to_stop_is_1(pnodes: Pnodes, deployed: Deployed) -> None:
    result = pnodes("stop", "alpha")
    assert result.exit_code == 1, result.output
    assert "No run of alpha is active." in result.stderr


def test_of_several_one_is_named_or_all_are_meant(pnodes: Pnodes, deployed: Deployed) -> None:
    node = deployed.nodes["alpha"]
    node.known = [*RUNNING, *node.known]
    result = pnodes("stop", "alpha")
    assert result.exit_code == 2, result.output
    assert node.stopped == []
    assert "run-4 (RUNNING" in result.stderr
    done = pnodes("stop", "alpha", "--run", "run-3")
    assert done.exit_code == 0, done.output
    assert node.stopped == ["run-3"]
    done = pnodes("stop", "alpha", "--run", "other")
    assert done.exit_code == 2, done.output
    node.known = [*RUNNING]
    document = json.loads(pnodes("stop", "alpha", "--all", "--json").stdout)
    assert [each["state"] for each in document["runs"]] == ["CANCELLED", "CANCELLED"]


def test_a_run_that_does_not_end_in_time_is_1(pnodes: Pnodes, deployed: Deployed) -> None:
    node = deployed.nodes["alpha"]
    node.known = [RUNNING[0]]
    node.stop = lambda run: None  # type: ignore[method-assign]
    result = pnodes("stop", "alpha", "--timeout", "0")
    assert result.exit_code == 1, result.output
    assert "did not end within 0 s" in result.stderr
