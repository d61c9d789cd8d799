"""Cloud Run's executions as runs, and the keys of an account."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from trigger import gcp_watch
from trigger.gcp_watch import Secrets, read_run
from trigger.http_call import Answer
from trigger.job_runs import FAILED, RUNNING, STOPPED, SUCCEEDED
from trigger.numerai_api import Keys
from trigger.table import StoreError

ENDED = "Task j-fxf45-task0 failed with exit code: 0 and message: The configured"


class Identity:
    def headers(self) -> dict[str, str]:
        return {"Authorization": "Bearer token"}


def execution(state: str = "", **more: Any) -> dict[str, Any]:
    reason, message = more.pop("reason", None), more.pop("message", None)
    condition = {"type": "Completed", "state": state} | ({"executionReason": reason} if reason else {})
    condition |= {"message": message} if message else {}
    env = [{"name": "RUN_ID", "value": "run-1"}, {"name": "NUMERAI_SECRET_KEY", "valueSource": {}}]
    return {
        "name": "projects/p/locations/l/jobs/j/executions/e-1",
        "createTime": "1970-01-01T00:16:40.123456789Z",
        "template": {"containers": [{"env": env}]},
        "conditions": [condition] if state else [],
        **more,
    }


@pytest.mark.parametrize(
    ("listed", "state", "own_fault"),
    [
        (execution("CONDITION_SUCCEEDED", completionTime="1970-01-01T00:18:20Z"), SUCCEEDED, False),
        (execution("CONDITION_FAILED", reason="NON_ZERO_EXIT_CODE"), FAILED, True),
        (execution("CONDITION_FAILED"), FAILED, False),
        (execution("CONDITION_FAILED", message=f"{ENDED} timeout was reached."), FAILED, True),
        (execution("CONDITION_FAILED", message=f"{ENDED} memory limit was reached."), FAILED, True),
        (execution("CONDITION_FAILED", reason="CANCELLED"), STOPPED, False),
        (execution("CONDITION_FAILED", cancelledCount=1), STOPPED, False),
        (execution("CONDITION_PENDING"), RUNNING, False),
        (execution(), RUNNING, False),
    ],
)
def test_an_execution_is_read_as_a_run(listed: dict[str, Any], state: str, own_fault: bool) -> None:
    run = read_run(listed)
    assert (run.run_id, run.state, run.own_fault, run.created) == ("run-1", state, own_fault, 1000.0)
    assert run.ended == {RUNNING: None, SUCCEEDED: 1100.0}.get(state, 1000.0)


def test_keys_are_the_newest_versions_of_two_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    def call(method: str, url: str, headers: dict[str, str]) -> Answer:
        place, name, rest = url.rpartition("/secrets/")[0], url.split("/secrets/")[1].split("/")[0], url.split("/")[-1]
        assert (method, place, rest) == (
            "GET",
            "https://secretmanager.googleapis.com/v1/projects/p",
            "latest:access",
        )
        assert headers == {"Authorization": "Bearer token"}
        return Answer(200, json.dumps({"payload": {"data": base64.b64encode(name.encode()).decode()}}).encode())

    monkeypatch.setattr(gcp_watch, "call_until_answered", call)
    assert Secrets("p", Identity()).read_keys("id-1~secret-1") == Keys("id-1", "secret-1")


@pytest.mark.parametrize("answer", [Answer(403, b"{}"), Answer(200, b"{}"), Answer(200, b"x")])
def test_keys_that_cannot_be_read_are_a_sentence(monkeypatch: pytest.MonkeyPatch, answer: Answer) -> None:
    monkeypatch.setattr(gcp_watch, "call_until_answered", lambda *_: answer)
    with pytest.raises(StoreError, match=r"could not be read: 403|has no key"):
        Secrets("p", Identity()).read_keys("id-1~secret-1")
