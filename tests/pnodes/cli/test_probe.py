"""The output of `pnodes test`, and its exit codes; tests/pnodes/deployed/test_check.py covers the steps themselves."""

import json
from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest

from pnodes.cli import probe
from pnodes.deployed.check import Check, Result
from providers.operations import OperationsError, State
from tests.pnodes.deployed_stack import DONE, Deployed
from tests.pnodes_command import Pnodes

PASSED = Result("alpha", "t-1", DONE, ["", "job", "", "s"], seconds=75)
STOPPED = Result("beta", "t-2", DONE, ["", "job"], "it broke", ["[last] line"], 3)


@pytest.fixture
def goes(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Result | Exception]], None]:
    """Return a function that sets the result of each node's test."""

    def use(results: dict[str, Result | Exception]) -> None:
        def go(check: Check) -> Result:
            result = results[check.node]
            if isinstance(result, Exception):
                raise result
            check.report("a step")
            return result

        monkeypatch.setattr(Check, "perform", go)

    return use


Goes = Callable[[dict[str, Result | Exception]], None]


def test_all_passed_is_0(pnodes: Pnodes, deployed: Deployed, goes: Goes) -> None:
    goes({"alpha": PASSED})
    result = pnodes("test", "alpha")
    assert result.exit_code == 0, result.output
    assert "alpha: a step" in result.stdout
    assert "passed alpha: all 4 steps in 1 min 15 s" in result.stdout


def test_one_that_stopped_is_1_with_step_reason_and_lines(pnodes: Pnodes, deployed: Deployed, goes: Goes) -> None:
    goes({"alpha": PASSED, "beta": STOPPED, "gamma": OperationsError("Azure gives no token.")})
    result = pnodes("test", "alpha", "beta", "gamma")
    assert result.exit_code == 1, result.output
    assert "stopped beta at step 3 of 4, container started\n  it broke" in result.stdout
    assert "    [last] line" in result.stdout
    assert "Azure gives no token." in result.stdout
    document = json.loads(pnodes("test", "alpha", "beta", "gamma", "--json").stdout)["nodes"]
    assert [each["passed"] for each in document] == [True, False, False]
    assert [step["passed"] for step in document[1]["steps"]] == [True, True, False, False]


@pytest.mark.parametrize("state", [State.FAILED, State.CANCELLED])
def test_a_job_that_failed_after_its_start_is_not_blamed_on_the_submission(
    pnodes: Pnodes, deployed: Deployed, goes: Goes, state: State
) -> None:
    goes({"beta": replace(STOPPED, run=replace(DONE, state=state), steps=["", "job", "12:00"])})
    result = pnodes("test", "beta")
    assert result.exit_code == 1, result.output
    assert "stopped beta at step 3 of 4, container started\n  it broke" in result.stdout


def test_the_trigger_s_own_address_is_asked_without_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    class Answer:
        status_code = 503

    def get(url: str, **_: object) -> Answer:
        asked.append(url)
        return Answer()

    monkeypatch.setattr(httpx, "get", get)
    said = probe.check_health("https://h.example/pred/m?token=SECRET")
    assert asked == ["https://h.example/health"]
    assert said.startswith("https://h.example/health answered HTTP 503")
    assert "SECRET" not in said
