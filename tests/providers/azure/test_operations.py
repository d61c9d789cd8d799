"""The executions and logs of a node on Azure, read from the sandbox's Resource Manager and Log Analytics."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from providers.azure.cluster import LOG_TABLES
from providers.azure.code import CodeProvider
from providers.azure.operations import Account, AzureNode
from providers.operations import NoCredentials, NodeFacts, NodeOperations, OperationsError, State
from sandbox.azure import entra
from sandbox.azure.cloud import TENANT
from sandbox.cloud import Resource
from tests.providers.scripts import FAIL, SLEEP, SPEAK
from tests.sandbox.azure.cloud import GROUP, Azure
from tests.sandbox.azure.function import MODEL
from tests.sandbox.azure.function import World as Triggered
from tests.sandbox.azure.job import World

PLACE = {"resourceGroupName": GROUP, "location": "eastus"}


def workspace(azure: Azure) -> Resource:
    return azure.make("azure-native:operationalinsights:Workspace", "logs", **PLACE)


class Node:
    """A node whose container runs a script."""

    def __init__(self, azure: Azure, script: str) -> None:
        self.world = World(azure, script)
        logs = workspace(azure)
        azure.send_logs(self.world.environment, logs, *LOG_TABLES)
        names = {"logs": logs["customerId"], "trigger": "absent"}
        self.facts = NodeFacts("alpha", "azure", "eastus", self.world.job.id, names)

    def start(self, **env: str) -> str:
        container = self.world.inputs["template"]["containers"][0]
        told = [*container["env"], *({"name": name, "value": value} for name, value in env.items())]
        return str(self.world.start({"containers": [{**container, "env": told}]}).json()["name"])

    def ended(self, execution: str) -> None:
        self.world.azure.cloud.kernel.executor.wait(execution, 60)


def operations(facts: NodeFacts, configured: dict[str, str] | None = None) -> NodeOperations:
    return Account((configured or {}).get, facts.region).node(facts)


@pytest.fixture(autouse=True)
def _principal(deployer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Return the environment of the sandbox's shell."""
    known = {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": entra.CLIENT_ID, "AZURE_CLIENT_SECRET": entra.CLIENT_SECRET}
    for name, value in known.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(AzureNode, "lag_seconds", 0.0)


def test_runs_say_what_started_them_and_how_they_ended(azure: Azure) -> None:
    node = Node(azure, SPEAK)
    first = node.start(TRIGGER_ID="t-1", ROUND_NUMBER="371")
    node.ended(first)
    second = node.start()
    node.ended(second)
    found = operations(node.facts)
    newest, oldest = found.runs()
    assert [newest.id, oldest.id] == [second, first]
    assert (oldest.trigger_id, oldest.round, newest.trigger_id) == ("t-1", "371", "")
    assert oldest.state is State.SUCCEEDED
    assert (oldest.seconds or -1) >= 0
    assert found.run(first) == oldest
    assert [run.id for run in found.runs(limit=1)] == [second]


def test_a_job_s_lines_come_in_order_and_following_ends_with_the_job(azure: Azure) -> None:
    node = Node(azure, SPEAK)
    job = node.start()
    found = operations(node.facts)
    lines = found.follow(found.run(job), pause=lambda _: node.ended(job))
    assert [line.text for line in lines] == ["first", "last"]
    assert [line.text for line in found.log(found.run(job), limit=1)] == ["last"]


def test_a_new_workspace_has_no_table_yet_and_that_is_no_error(azure: Azure) -> None:
    node = Node(azure, SLEEP)
    facts, found = node.facts, operations(node.facts)
    assert found.trigger_log() == []
    job = node.start()
    assert found.log(found.run(job)) == [] or found.log(found.run(job))[0].text == "asleep"
    found.stop(found.run(job))
    assert facts.require("trigger") == "absent"


def test_a_failed_job_has_the_reason_that_container_apps_tells_elsewhere(azure: Azure) -> None:
    node = Node(azure, FAIL)
    job = node.start()
    node.ended(job)
    found = operations(node.facts)
    run = found.run(job)
    assert run.state is State.FAILED
    assert run.reason == "Container 'node' was terminated with exit code '3' and reason 'ProcessExited'"
    assert [line.text for line in found.log(run)] == ["about to fail"]


def test_a_running_job_is_stopped(azure: Azure) -> None:
    node = Node(azure, SLEEP)
    job = node.start()
    found = operations(node.facts)
    lines = found.follow(found.run(job), pause=lambda _: None)
    assert next(lines).text == "asleep"
    found.stop(found.run(job))
    node.ended(job)
    assert [line.text for line in lines] == []
    assert found.run(job).state is State.CANCELLED


def test_the_trigger_s_log_has_the_lines_of_the_node_only(azure: Azure, deployer: str) -> None:
    world = Triggered(azure)
    CodeProvider().create(world.props(deployer))
    names = {"logs": workspace(azure)["customerId"], "trigger": world.site["name"]}
    found = operations(NodeFacts("alpha", "azure", "eastus", "/subscriptions/s", names))
    other = operations(NodeFacts("alph", "azure", "eastus", "/subscriptions/s", names))
    with azure.http() as client:
        for model in (MODEL, "alpha"):
            client.post(f"https://{world.site['defaultHostName']}/pred/{model}", json={})
    # The health check of the publication and the call for an unknown model have no node.
    (line,) = found.trigger_log()
    assert (json.loads(line.text)["route"], json.loads(line.text)["http"]) == ("pred", 401)
    assert other.trigger_log() == []
    assert line in found.trigger_log(since=line.time - timedelta(seconds=1))
    assert found.trigger_log(since=datetime.now(UTC) + timedelta(minutes=1)) == []


def test_the_stack_s_own_service_principal_wins(azure: Azure, monkeypatch: pytest.MonkeyPatch) -> None:
    node = Node(azure, SPEAK)
    mine = {"clientId": entra.CLIENT_ID, "clientSecret": entra.CLIENT_SECRET, "tenantId": TENANT}
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "wrong")
    assert operations(node.facts, {f"azure-native:{key}": value for key, value in mine.items()}).runs() == []


@pytest.mark.parametrize("kind", ["wrong", "none"])
def test_no_credentials_is_a_sentence_with_the_command(
    azure: Azure, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    node = Node(azure, SPEAK)
    if kind == "wrong":
        monkeypatch.setenv("AZURE_CLIENT_SECRET", "hush")
    else:
        for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"):
            monkeypatch.delenv(name)
        monkeypatch.setenv("PATH", "/nonexistent")
        monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "AzureCliCredential")
    with pytest.raises(NoCredentials, match="`az login`") as caught:
        operations(node.facts).runs()
    assert "hush" not in str(caught.value)


def test_a_refusal_tells_the_innermost_reason(azure: Azure) -> None:
    account = Account(lambda _: None, "eastus")
    inner = {"code": "SEM0100", "message": "Failed to resolve x"}
    told = {"error": {"code": "BadArgumentError", "message": "invalid properties", "innererror": inner}}
    account._http = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(400, json=told)))
    with pytest.raises(OperationsError, match=r"BadArgumentError: invalid properties Failed to resolve x$"):
        account.call("look", "GET", "https://management.azure.com/x", "https://management.azure.com")
