"""Log Analytics and Entra ID in the sandbox: issuing and checking tokens, and the supported queries."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from sandbox.azure import analytics, entra
from sandbox.azure.cloud import TENANT
from sandbox.azure.diagnostics import CONSOLE, SYSTEM, WORKSPACE
from sandbox.cloud import CloudError
from tests.sandbox.azure.cloud import GROUP, PLACE, Azure
from tests.sandbox.azure.job import World

SPAN = "2026-01-01T00:00:00Z/2036-01-01T00:00:00Z"


def ask(azure: Azure, query: str, token: str) -> httpx.Response:
    workspace = azure.cloud.find(WORKSPACE) or azure.make(WORKSPACE, "logs", resourceGroupName=GROUP, location="eastus")
    url = f"{analytics.AUDIENCE}/v1/workspaces/{workspace['customerId']}/query"
    with azure.http(token) as client:
        return client.post(url, json={"query": query, "timespan": SPAN})


def test_a_token_for_another_audience_or_identity_reads_nothing(azure: Azure) -> None:
    assert ask(azure, "AppTraces | take 1", azure.token()).status_code == 401
    identity = azure.token(azure.identity("trigger"), analytics.AUDIENCE)
    assert ask(azure, "AppTraces | take 1", identity).status_code == 403
    assert ask(azure, "AppTraces | take 1", azure.token(audience=analytics.AUDIENCE)).status_code == 200


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("Unknown | take 1", "Failed to resolve table"),
        ("ContainerAppConsoleLogs_CL | take 1", "Failed to resolve table"),
        ("AppTraces | summarize count()", "syntax error"),
        ("AppTraces | where a between 1", "syntax error"),
        ("AppTraces | where parse_json(Message).node == 'alpha'", "syntax error"),
    ],
)
def test_what_it_does_not_understand_is_refused(azure: Azure, query: str, says: str) -> None:
    answer = ask(azure, query, azure.token(audience=analytics.AUDIENCE))
    assert answer.status_code == 400, answer.text
    assert says in answer.text


@pytest.mark.parametrize(
    ("changed", "status"),
    [({}, 200), ({"client_id": "other"}, 400), ({"client_secret": "other"}, 401), ({"grant_type": "password"}, 400)],
)
def test_tokens_are_for_the_deployer_s_service_principal(azure: Azure, changed: dict[str, str], status: int) -> None:
    sent = {"client_id": entra.CLIENT_ID, "client_secret": entra.CLIENT_SECRET, "grant_type": "client_credentials"}
    sent |= {"scope": f"{analytics.AUDIENCE}/.default", **changed}
    with azure.http() as client:
        assert client.post(f"https://{entra.HOST}/{TENANT}/oauth2/v2.0/token", data=sent).status_code == status
        other = client.post(f"https://{entra.HOST}/other/oauth2/v2.0/token", data=sent)
        assert other.status_code >= 400


def list_tables(azure: Azure, world: World) -> list[str]:
    """Run the job, and return which tables have the line that it printed or the event about its start."""
    world.printed(world.start())
    token = azure.token(audience=analytics.AUDIENCE)
    tables = [CONSOLE, SYSTEM, f"{CONSOLE}_CL", f"{SYSTEM}_CL"]
    return [table for table in tables if ask(azure, f"{table} | take 1", token).status_code == 200]


@pytest.mark.parametrize(
    ("inputs", "tables"),
    [
        ({}, [CONSOLE]),
        ({"logAnalyticsDestinationType": None}, [f"{CONSOLE}_CL"]),
        ({"logs": [{"categoryGroup": "allLogs", "enabled": True}]}, [CONSOLE, SYSTEM]),
        ({"logs": [{"category": CONSOLE, "enabled": False}]}, []),
    ],
)
def test_a_setting_says_which_logs_reach_which_tables(azure: Azure, inputs: dict[str, Any], tables: list[str]) -> None:
    world, workspace = World(azure), azure.make(WORKSPACE, "logs", **PLACE)
    azure.send_logs(world.environment, workspace, CONSOLE, **inputs)
    assert list_tables(azure, world) == tables


def test_without_a_setting_no_log_reaches_a_workspace(azure: Azure) -> None:
    azure.make(WORKSPACE, "logs", **PLACE)
    assert list_tables(azure, World(azure)) == []


def test_the_older_destination_has_tables_of_its_own_and_keeps_their_lines(azure: Azure) -> None:
    world, workspace = World(azure), azure.make(WORKSPACE, "logs", **PLACE)
    older = {"customerId": workspace["customerId"], "sharedKey": "key"}
    logs = {"destination": "log-analytics", "logAnalyticsConfiguration": older}
    azure.change(world.environment, appLogsConfiguration=logs)
    assert list_tables(azure, world) == [f"{CONSOLE}_CL", f"{SYSTEM}_CL"]
    azure.change(world.environment, appLogsConfiguration={"destination": "azure-monitor"})
    azure.send_logs(world.environment, workspace, CONSOLE, SYSTEM)
    assert list_tables(azure, world) == [CONSOLE, SYSTEM, f"{CONSOLE}_CL", f"{SYSTEM}_CL"]


@pytest.mark.parametrize(
    ("inputs", "code"),
    [
        ({"logs": [{"category": "ContainerLog", "enabled": True}]}, "BadRequest.*ContainerLog"),
        ({"workspaceId": "/subscriptions/s/absent"}, "ResourceNotFound.*absent"),
        ({}, "Conflict.*already used"),
    ],
)
def test_settings_that_azure_refuses(azure: Azure, inputs: dict[str, Any], code: str) -> None:
    world, workspace = World(azure), azure.make(WORKSPACE, "logs", **PLACE)
    azure.send_logs(world.environment, workspace, CONSOLE)
    with pytest.raises(CloudError, match=code):
        azure.send_logs(world.environment, workspace, CONSOLE, **inputs)


def test_only_the_older_destination_takes_a_key(azure: Azure) -> None:
    older = {"customerId": "c", "sharedKey": "key"}
    for logs in (
        {"destination": "azure-monitor", "logAnalyticsConfiguration": older},
        {"destination": "log-analytics"},
    ):
        with pytest.raises(CloudError, match="LogAnalyticsConfiguration is invalid"):
            azure.make("azure-native:app:ManagedEnvironment", "env", **PLACE, appLogsConfiguration=logs)
