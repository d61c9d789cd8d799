"""How `pnodes trigger` calls the trigger: the schedule's route, the token in a header, one run for all attempts."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from pnodes.deployed import start
from tests.pnodes.deployed_stack import Deployed
from tests.pnodes_command import Pnodes

STARTED = (202, {"status": "started", "run": "schedule-1", "job": "projects/p/executions/alpha-x"})


class Trigger:
    """Gives one answer after another; `asked`: the requests."""

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.asked: list[dict[str, Any]] = []

    def post(self, url: str, **sent: Any) -> httpx.Response:
        self.asked.append({"url": url, **sent})
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer[0], json=answer[1])


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Trigger]:
    def use(*given: Any) -> Trigger:
        made = Trigger()
        made.answers = list(given)
        monkeypatch.setattr(httpx, "post", made.post)
        monkeypatch.setattr(start, "_PAUSE_SECONDS", 0.0)
        return made

    return use


def test_the_schedule_s_door_and_no_trigger_id(
    pnodes: Pnodes, deployed: Deployed, answers: Callable[..., Trigger]
) -> None:
    made = answers(STARTED)
    result = pnodes("trigger", "alpha")
    assert result.exit_code == 0, result.output
    assert "alpha: started, job alpha-x" in result.stdout
    (asked,) = made.asked
    assert asked["url"] == "https://alpha.example/schedule/m-alpha"
    assert asked["headers"] == {"X-Trigger-Token": "SECRET"}
    assert asked["json"].keys() == {"scheduledTime"}
    assert "SECRET" not in result.output


def test_a_lost_answer_is_asked_for_again_as_the_same_run(
    pnodes: Pnodes, deployed: Deployed, answers: Callable[..., Trigger]
) -> None:
    made = answers(httpx.ReadTimeout("x"), (502, {"status": "failed", "reason": "r"}), STARTED)
    assert json.loads(pnodes("trigger", "alpha", "--json").stdout)["job"] == "alpha-x"
    assert len({each["json"]["scheduledTime"] for each in made.asked}) == 1
    assert len(made.asked) == 3


def test_a_refusal_is_a_sentence_and_not_repeated(
    pnodes: Pnodes, deployed: Deployed, answers: Callable[..., Trigger]
) -> None:
    made = answers((403, {"reason": "node alpha is disabled in nodes.yaml"}))
    result = pnodes("trigger", "alpha")
    assert result.exit_code == 1, result.output
    assert len(made.asked) == 1
    assert "HTTP 403: node alpha is disabled in nodes.yaml" in result.stderr
    answers(*[httpx.ConnectError("SECRET")] * 3)
    silent = pnodes("trigger", "alpha")
    assert "no answer (ConnectError)" in silent.stderr
    assert "SECRET" not in silent.output
