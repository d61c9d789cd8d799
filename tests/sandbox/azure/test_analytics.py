"""Log Analytics and Entra ID in the sandbox: issuing and checking tokens, and the supported queries."""

from __future__ import annotations

import httpx
import pytest

from sandbox.azure import analytics, entra
from sandbox.azure.cloud import TENANT
from tests.sandbox.azure.cloud import GROUP, Azure

SPAN = "2026-01-01T00:00:00Z/2036-01-01T00:00:00Z"


def ask(azure: Azure, query: str, token: str) -> httpx.Response:
    known = azure.cloud.find("azure-native:operationalinsights:Workspace")
    workspace = known or azure.make(
        "azure-native:operationalinsights:Workspace", "logs", resourceGroupName=GROUP, location="eastus"
    )
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
