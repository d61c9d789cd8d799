"""The executions and logs of a node on Google Cloud, read from the sandbox's Cloud Run and Cloud Logging."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from providers.gcp.operations import Account, GcpNode, _read_state
from providers.operations import NoCredentials, NodeFacts, NodeOperations, OperationsError, State
from sandbox.gcp import iam
from tests.providers.scripts import FAIL, SLEEP, SPEAK
from tests.sandbox.gcp.cloud import Google
from tests.sandbox.gcp.function import MODEL, OTHER
from tests.sandbox.gcp.function import World as Triggered
from tests.sandbox.gcp.job import World


class Node:
    """A node whose container runs a script."""

    def __init__(self, google: Google, script: str) -> None:
        self.world = World(google, script)
        self.facts = NodeFacts("alpha", "gcp", "us-central1", self.world.job.id, {"trigger": "absent"})

    def start(self, **env: str) -> str:
        told = [{"name": name, "value": value} for name, value in env.items()]
        answer = self.world.start({"containerOverrides": [{"env": told}]})
        return str(answer.json()["metadata"]["name"].rsplit("/", 1)[-1])

    def ended(self, execution: str) -> None:
        self.world.google.cloud.kernel.executor.wait(execution, 60)


def operations(facts: NodeFacts, configured: dict[str, str] | None = None) -> NodeOperations:
    return Account((configured or {}).get, facts.region).node(facts)


@pytest.fixture(autouse=True)
def _person(deployer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write the file that `gcloud auth application-default login` creates."""
    file = tmp_path / "credentials.json"
    file.write_text(json.dumps(iam.PERSON))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    monkeypatch.setattr(GcpNode, "lag_seconds", 0.0)


def test_runs_say_what_started_them_and_how_they_ended(google: Google) -> None:
    node = Node(google, SPEAK)
    first = node.start(TRIGGER_ID="t-1", ROUND_NUMBER="test")
    node.ended(first)
    second = node.start()
    node.ended(second)
    found = operations(node.facts)
    newest, oldest = found.runs()
    assert [newest.id, oldest.id] == [second, first]
    assert (oldest.trigger_id, oldest.round, newest.trigger_id) == ("t-1", "test", "")
    assert oldest.state is State.SUCCEEDED
    assert (oldest.seconds or -1) >= 0
    assert found.run(first) == oldest
    assert [run.id for run in found.runs(limit=1)] == [second]


def test_a_job_s_lines_come_in_order_and_following_ends_with_the_job(google: Google) -> None:
    node = Node(google, SPEAK)
    job = node.start()
    found = operations(node.facts)
    lines = found.follow(found.run(job), pause=lambda _: node.ended(job))
    assert [line.text for line in lines] == ["first", "last"]
    assert [line.text for line in found.log(found.run(job), limit=1)] == ["last"]


def test_a_failed_job_has_its_reason(google: Google) -> None:
    node = Node(google, FAIL)
    job = node.start()
    node.ended(job)
    found = operations(node.facts)
    run = found.run(job)
    assert run.state is State.FAILED
    message = "failed with exit code: 3 and message: The container exited with an error."
    assert run.reason == f"Task {job}-task0 {message}"
    assert [line.text for line in found.log(run)] == ["about to fail"]


def test_a_running_job_is_stopped(google: Google) -> None:
    node = Node(google, SLEEP)
    job = node.start()
    found = operations(node.facts)
    lines = found.follow(found.run(job), pause=lambda _: None)
    assert next(lines).text == "asleep"
    assert found.run(job).state is State.RUNNING
    found.stop(found.run(job))
    node.ended(job)
    assert [line.text for line in lines] == []
    assert found.run(job).state is State.CANCELLED
    with pytest.raises(OperationsError, match="already completed"):
        found.stop(found.run(job))


def test_the_trigger_s_log_has_the_node_s_lines_only(google: Google) -> None:
    world = Triggered(google)
    facts = NodeFacts("alpha", "gcp", "us-central1", world.job.id, {"trigger": world.function.id})
    found = operations(facts)
    assert found.trigger_log() == []
    with google.http(token="") as client:
        for model in (MODEL, OTHER, "unknown"):
            client.post(f"{world.function['serviceConfig']['uri']}/pred/{model}", json={})
    (line,) = found.trigger_log()
    assert json.loads(line.text)["http"] == 401
    assert json.loads(line.text)["node"] == "alpha"
    (other,) = operations(replace(facts, name="beta")).trigger_log()
    assert json.loads(other.text)["node"] == "beta"
    assert line in found.trigger_log(since=line.time - timedelta(seconds=1))
    assert found.trigger_log(since=datetime.now(UTC) + timedelta(minutes=1)) == []


def test_the_stack_s_own_token_and_key_file_win_over_the_person_s(google: Google, tmp_path: Path) -> None:
    node = Node(google, SPEAK)
    assert operations(node.facts, {"gcp:accessToken": google.token()}).runs() == []
    with pytest.raises(OperationsError, match="HTTP 401") as caught:
        operations(node.facts, {"gcp:accessToken": "ya29.hush"}).runs()
    assert "hush" not in str(caught.value)
    other = tmp_path / "key.json"
    other.write_text(json.dumps(iam.PERSON))
    assert operations(node.facts, {"gcp:credentials": str(other)}).runs() == []
    assert operations(node.facts, {"gcp:credentials": json.dumps(iam.PERSON)}).runs() == []


@pytest.mark.parametrize("kind", ["none", "expired", "not a file", "not JSON"])
def test_no_credentials_is_a_sentence_with_the_command(
    google: Google, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    node, configured = Node(google, SPEAK), {}
    if kind == "none":
        monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS")
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
        monkeypatch.setenv("NO_GCE_CHECK", "true")
    elif kind == "expired":
        configured = {"gcp:credentials": json.dumps(iam.PERSON | {"refresh_token": "hush"})}
    elif kind == "not a file":
        configured = {"gcp:credentials": str(tmp_path / "absent.json")}
    else:
        configured = {"gcp:credentials": "{hush"}
    with pytest.raises(NoCredentials, match="gcloud auth application-default login") as caught:
        operations(node.facts, configured).runs()
    assert "hush" not in str(caught.value)


def test_a_person_without_a_quota_project_is_counted_for_the_node_s(google: Google) -> None:
    account = Account({"gcp:accessToken": "t"}.get, "us-central1")
    seen: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("x-goog-user-project"))
        told: dict[str, Any] = {"error": {"message": "the API requires a quota project, which is not set"}}
        return httpx.Response(200, json={}) if seen[-1] else httpx.Response(403, json=told)

    account._http = httpx.Client(transport=httpx.MockTransport(answer))
    assert account.call("look", "GET", "https://run.googleapis.com/v2/x", "my-project") == {}
    assert seen == [None, "my-project"]


@pytest.mark.parametrize(
    ("execution", "state"),
    [
        ({}, State.PENDING),
        ({"startTime": "t"}, State.STARTING),
        ({"conditions": [{"type": "Started", "state": "CONDITION_SUCCEEDED"}]}, State.RUNNING),
        ({"runningCount": 1, "conditions": [{"type": "Completed", "state": "CONDITION_RECONCILING"}]}, State.RUNNING),
        ({"conditions": [{"type": "Completed", "state": "CONDITION_FAILED"}]}, State.FAILED),
        ({"conditions": [{"type": "Completed", "executionReason": "CANCELLED"}]}, State.CANCELLED),
    ],
)
def test_states(execution: dict[str, Any], state: State) -> None:
    assert _read_state(execution)[0] is state
