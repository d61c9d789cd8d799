"""The executions of Container Apps jobs as runs, and the keys of an account."""

from __future__ import annotations

import json
from typing import Any

import pytest

from trigger import azure_watch
from trigger.azure_watch import Secrets, read_run
from trigger.http_call import Answer
from trigger.job_runs import FAILED, RUNNING, STOPPED, SUCCEEDED
from trigger.numerai_api import Keys
from trigger.table import StoreError


class Identity:
    def headers(self, resource: str) -> dict[str, str]:
        return {"Authorization": f"Bearer for {resource}"}


def execution(status: str, **more: Any) -> dict[str, Any]:
    env = [{"name": "RUN_ID", "value": "run-1"}, {"name": "NUMERAI_SECRET_KEY", "secretRef": "key"}]
    template = {"containers": [{"env": env}]}
    properties = {"status": status, "template": template, "startTime": "1970-01-01T00:16:40+00:00", **more}
    return {"id": "/jobs/j/executions/e-1", "properties": properties}


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("Succeeded", SUCCEEDED),
        ("Failed", FAILED),
        ("Degraded", FAILED),
        ("Stopped", STOPPED),
        ("Running", RUNNING),
        ("Processing", RUNNING),
        ("Unknown", RUNNING),
    ],
)
def test_an_execution_is_read_as_a_run(status: str, state: str) -> None:
    run = read_run(execution(status, endTime="1970-01-01T00:18:20+00:00"))
    assert (run.run_id, run.state, run.created) == ("run-1", state, 1000.0)
    assert run.ended == (None if state == RUNNING else 1100.0)
    assert run.own_fault is None, "Azure does not say"


def test_an_execution_that_waits_is_a_run_of_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trigger.azure_watch.time.time", lambda: 5000.0)
    assert read_run(execution("Processing", startTime=None)).created == 5000.0


def test_keys_are_the_newest_versions_of_two_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    def call(method: str, url: str, headers: dict[str, str]) -> Answer:
        assert (method, headers) == ("GET", {"Authorization": "Bearer for https://vault.azure.net"})
        address, _, query = url.partition("?")
        assert query == "api-version=7.4"
        return Answer(200, json.dumps({"value": address.rsplit("/", 1)[-1]}).encode())

    monkeypatch.setattr(azure_watch, "call_until_answered", call)
    address = "https://v.vault.azure.net/secrets"
    assert Secrets(Identity()).read_keys(f"{address}/id-1~{address}/secret-1") == Keys("id-1", "secret-1")


@pytest.mark.parametrize("answer", [Answer(403, b"{}"), Answer(200, b"{}"), Answer(200, b"x")])
def test_keys_that_cannot_be_read_are_a_sentence(monkeypatch: pytest.MonkeyPatch, answer: Answer) -> None:
    monkeypatch.setattr(azure_watch, "call_until_answered", lambda *_: answer)
    with pytest.raises(StoreError, match=r"could not be read: 403|has no key"):
        Secrets(Identity()).read_keys("https://v/secrets/a~https://v/secrets/b")
