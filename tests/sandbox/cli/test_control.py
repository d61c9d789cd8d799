"""The client of the control API, and its error messages."""

import json

import httpx
import pytest

from pnodes.errors import UserError
from sandbox.cli.control import Control, RunRecord, Submission, Trigger

RUN = {"cloud": "aws", "job": "j", "run_id": "r", "state": "FAILED", "reason": "time-out", "trigger_id": "t"}
RUN |= {"created": 1.0, "started": 2.0, "stopped": 4.0, "exit_code": 1}  # type: ignore[dict-item]


def answer(request: httpx.Request) -> httpx.Response:
    """Answer as the daemon does."""
    match request.method, request.url.path:
        case "POST", "/open-round":
            call = {"model_id": "m", "trigger_id": "t", "status": 202, "seconds": 0.1, "answer": "{}", "model": "x"}
            assert json.loads(request.content) == {"tournament": "signals", "open_for": None}
            return httpx.Response(200, json={"round": 7, "triggers": [call]})
        case "GET", "/runs":
            return httpx.Response(200, json={"runs": [RUN]})
        case "GET", "/submissions":
            sent = {"model_id": "m", "trigger_id": None, "round": 7, "rows": 3, "tournament": "signals", "corr": 0.1}
            return httpx.Response(200, json={"submissions": [sent]})
        case "GET", "/runs/r/logs":
            return httpx.Response(200, text="line\n")
        case "GET", "/status":
            raise httpx.ConnectError("refused")
    return httpx.Response(404, text="there is no run none")


@pytest.fixture
def control() -> Control:
    return Control("http://sandbox", transport=httpx.MockTransport(answer))


def test_records_ignore_other_keys(control: Control) -> None:
    assert control.open_round("signals") == (7, [Trigger("m", "t", 202, 0.1, "{}")])
    assert control.list_submissions() == [Submission("m", None, 7, 3, "signals")]
    (run,) = control.list_runs()
    assert run == RunRecord("aws", "j", "r", "FAILED", "time-out", "t", 1.0, 2.0, 4.0)
    assert (run.ended, run.seconds) == (True, 3.0)
    assert control.read_log("r") == "line\n"


def test_a_refusal_is_a_user_error(control: Control) -> None:
    with pytest.raises(UserError, match=r"^The sandbox answered GET /runs/none/logs with 404: there is no run none$"):
        control.read_log("none")


def test_a_missing_answer_is_a_user_error(control: Control) -> None:
    with pytest.raises(UserError, match=r"did not answer GET /status .* `pnodes sandbox logs`"):
        control.status()
