"""Batch's jobs as runs, and the keys of an account."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.operations import STOPPED as STOPPED_BY_PNODES
from tests.trigger.region import ROW
from trigger import aws_watch
from trigger.aws import Signer
from trigger.aws_watch import BY_A_PERSON, Runs, Secrets, read_run
from trigger.http_call import Answer
from trigger.job_runs import FAILED, RUNNING, STOPPED, SUCCEEDED
from trigger.numerai_api import Keys
from trigger.table import StoreError

SIGNER = Signer("secretsmanager", "eu-west-1", "AKIA", "secret")
TIMES = {"createdAt": 1_000_000, "startedAt": 1_060_000, "stoppedAt": 1_100_000}


def job(status: str, **more: Any) -> dict[str, Any]:
    return {"jobId": "job-1", "jobName": "run-1-2", "status": status, **TIMES, **more}


@pytest.mark.parametrize(
    ("summary", "state", "own_fault"),
    [
        (job("SUCCEEDED", container={"exitCode": 0}), SUCCEEDED, True),
        (job("FAILED", container={"exitCode": 1}, statusReason="Essential container in task exited"), FAILED, True),
        (job("FAILED", statusReason="CannotPullContainerError: toomanyrequests"), FAILED, False),
        (job("FAILED", container={"exitCode": 137}, statusReason="Host EC2 (i-1) terminated."), FAILED, False),
        (
            job("FAILED", container={"exitCode": 137}, statusReason="Job attempt duration exceeded timeout"),
            FAILED,
            True,
        ),
        (job("FAILED", container={}, statusReason="Job attempt duration exceeded timeout"), FAILED, True),
        (job("FAILED", statusReason=BY_A_PERSON), STOPPED, False),
        (job("RUNNABLE"), RUNNING, False),
        (job("STARTING"), RUNNING, False),
    ],
)
def test_a_job_is_read_as_a_run(summary: dict[str, Any], state: str, own_fault: bool) -> None:
    run = read_run(summary)
    assert (run.job, run.run_id, run.state, run.own_fault) == ("job-1", "run-1", state, own_fault)
    assert (run.created, run.ended) == (1000.0, None if state == RUNNING else 1100.0)


def test_a_job_that_never_started_ended_when_it_was_created() -> None:
    run = read_run({"jobId": "job-1", "jobName": "run-1-1", "status": "FAILED", "createdAt": 1_000_000})
    assert run.ended == 1000.0


def test_a_stop_by_pnodes_is_known() -> None:
    assert BY_A_PERSON == STOPPED_BY_PNODES


def test_runs_are_those_of_the_node_s_definition() -> None:
    class Batch:
        def list_jobs(self, query: dict[str, Any]) -> dict[str, Any]:
            assert query["filters"] == [{"name": "JOB_DEFINITION", "values": ["job-of-alpha"]}]
            assert query["jobQueue"] == "queue"
            return {"jobSummaryList": [job("SUCCEEDED")]}

    assert [run.state for run in Runs(Batch()).list_runs(ROW)] == [SUCCEEDED]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer(400, b'{"__type": "AccessDeniedException", "message": "not authorized"}'), "could not be read: 400"),
        (Answer(200, b"{}"), "does not hold the account's keys"),
        (Answer(200, json.dumps({"SecretString": "[]"}).encode()), "does not hold the account's keys"),
        (TimeoutError("timed out"), "did not answer: timed out"),
    ],
)
def test_keys_that_cannot_be_read_are_a_sentence(
    monkeypatch: pytest.MonkeyPatch, answer: Answer | OSError, message: str
) -> None:
    def call(*_: object) -> Answer:
        if isinstance(answer, OSError):
            raise answer
        return answer

    monkeypatch.setattr(aws_watch, "call_until_answered", call)
    with pytest.raises(StoreError, match=message):
        Secrets(SIGNER).read_keys("keys")


def test_keys_are_read_from_the_named_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    def call(method: str, url: str, headers: dict[str, str], body: bytes) -> Answer:
        assert (method, url) == ("POST", "https://secretsmanager.eu-west-1.amazonaws.com/")
        assert headers["x-amz-target"] == "secretsmanager.GetSecretValue"
        assert json.loads(body) == {"SecretId": "keys"}
        values = {"NUMERAI_PUBLIC_ID": "public", "NUMERAI_SECRET_KEY": "secret"}
        return Answer(200, json.dumps({"SecretString": json.dumps(values)}).encode())

    monkeypatch.setattr(aws_watch, "call_until_answered", call)
    assert Secrets(SIGNER).read_keys("keys") == Keys("public", "secret")
