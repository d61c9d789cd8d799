"""The tokens of a job in GitHub Actions, where the Azure CLI gets none after five minutes, and of a machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from azure.core.credentials import AccessToken

from providers import https
from providers.azure import identity as azure_identity
from providers.operations import NoCredentials, OperationsError

RESOURCE = "https://management.azure.com"
JOB = {
    "ARM_USE_OIDC": "true",
    "ARM_CLIENT_ID": "client",
    "ARM_TENANT_ID": "tenant",
    "ACTIONS_ID_TOKEN_REQUEST_URL": "https://run.actions.githubusercontent.com/token?api-version=2.0",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "hush",
}


class Exchanged:
    """Stands for the credential whose tokens Entra ID issues in exchange for an assertion."""

    def __init__(self, tenant: str, client: str, assertion: Callable[[], str]) -> None:
        self._whose, self._assertion = f"{client} in {tenant}", assertion

    def get_token(self, scope: str, **_: Any) -> AccessToken:
        return AccessToken(f"{self._whose} for {scope} by {self._assertion()}", int(time.time()) + 3600)


@pytest.fixture(autouse=True)
def job(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ARM_CLIENT_SECRET", "ARM_OIDC_TOKEN", "ARM_CLIENT_CERTIFICATE_PATH"):
        monkeypatch.delenv(name, raising=False)
    for name, value in JOB.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(azure_identity, "ClientAssertionCredential", Exchanged)


def answer(monkeypatch: pytest.MonkeyPatch, reply: httpx.Response | https.NoResponse) -> list[tuple[Any, ...]]:
    """Let GitHub answer so. Return the list of the requests."""
    asked = []

    def request(method: str, url: str, headers: dict[str, str], **_: Any) -> httpx.Response:
        asked.append((method, url, headers))
        if isinstance(reply, https.NoResponse):
            raise reply
        return reply

    monkeypatch.setattr(https, "request", request)
    return asked


def test_github_s_token_of_now_is_exchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answer(monkeypatch, httpx.Response(200, json={"value": "assertion"}))
    token = azure_identity.Identity(lambda _: None).request_token(RESOURCE)
    assert token == f"client in tenant for {RESOURCE}/.default by assertion"
    url = f"{JOB['ACTIONS_ID_TOKEN_REQUEST_URL']}&audience=api://AzureADTokenExchange"
    assert asked == [("GET", url, {"Authorization": "Bearer hush"})]


@pytest.mark.parametrize(
    ("reply", "kind", "told"),
    [
        (httpx.Response(403), NoCredentials, "HTTP 403"),
        (https.NoResponse("no route"), OperationsError, "GitHub did not answer"),
    ],
)
def test_github_issues_none(
    monkeypatch: pytest.MonkeyPatch,
    reply: httpx.Response | https.NoResponse,
    kind: type[OperationsError],
    told: str,
) -> None:
    answer(monkeypatch, reply)
    with pytest.raises(kind, match=told) as caught:
        azure_identity.Identity(lambda _: None).request_token(RESOURCE)
    assert type(caught.value) is kind
    assert "hush" not in str(caught.value)


def test_without_use_oidc_the_job_s_token_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARM_USE_OIDC")
    asked = answer(monkeypatch, httpx.Response(200, json={"value": "assertion"}))

    class Others(Exchanged):
        def __init__(self, **_: Any) -> None:
            super().__init__("others", "other", lambda: "login")

    monkeypatch.setattr(azure_identity, "DefaultAzureCredential", Others)
    assert azure_identity.Identity(lambda _: None).request_token(RESOURCE).endswith("by login")
    assert asked == []


@pytest.mark.parametrize("client", ["client", None])
def test_a_machine_may_have_several_identities(monkeypatch: pytest.MonkeyPatch, client: str | None) -> None:
    class Machine(Exchanged):
        def __init__(self, *, client_id: str | None) -> None:
            super().__init__("machine", str(client_id), lambda: "itself")

    for name in ("ARM_USE_OIDC", "ARM_CLIENT_ID"):
        monkeypatch.delenv(name)
    monkeypatch.setattr(azure_identity, "ManagedIdentityCredential", Machine)
    settings = {"azure-native:useMsi": "true", "azure-native:clientId": client}
    token = azure_identity.Identity(settings.get).request_token(RESOURCE)
    assert token.startswith(f"{client} in machine for {RESOURCE}/.default")
