"""Network errors are reported as such: the user is not told to sign in again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from providers.aws.operations import Account, translate_errors
from providers.azure import identity as azure_identity
from providers.gcp import identity as google_identity
from providers.operations import NoCredentials, OperationsError

NOWHERE = "http://127.0.0.1:9"
GOOGLE = ("GOOGLE_OAUTH_ACCESS_TOKEN", "GOOGLE_CREDENTIALS", "GOOGLE_CLOUD_KEYFILE_JSON", "GCLOUD_KEYFILE_JSON")


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, NOWHERE)
    for name in (
        "NO_PROXY",
        "no_proxy",
        "AZURE_TOKEN_CREDENTIALS",
        "AWS_PROFILE",
        "GOOGLE_IMPERSONATE_SERVICE_ACCOUNT",
    ):
        monkeypatch.delenv(name, raising=False)
    for name in GOOGLE:
        monkeypatch.delenv(name, raising=False)


def unanswered(error: pytest.ExceptionInfo[OperationsError]) -> bool:
    return not isinstance(error.value, NoCredentials) and "try again in a minute" in str(error.value)


def test_google(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    account = {
        "type": "service_account",
        "client_email": "a@p.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
        "private_key": key.private_bytes(encoding, form, serialization.NoEncryption()).decode(),
    }
    (tmp_path / "key.json").write_text(json.dumps(account))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))
    # This test is not about the library's retries and their pauses.
    monkeypatch.setattr("google.auth._exponential_backoff.time.sleep", lambda _: None)
    with pytest.raises(OperationsError) as error:
        google_identity.Identity(lambda _: None).headers("GET", "https://run.googleapis.com/")
    assert unanswered(error)


@pytest.mark.parametrize("configured", [True, False])
def test_azure(monkeypatch: pytest.MonkeyPatch, configured: bool) -> None:
    tenant = "00000000-0000-0000-0000-000000000002"
    settings = {"clientId": "c", "clientSecret": "s", "tenantId": tenant}
    named = {"AZURE_CLIENT_ID": "c", "AZURE_CLIENT_SECRET": "s", "AZURE_TENANT_ID": tenant}
    for name in ("ARM_CLIENT_ID", "ARM_CLIENT_SECRET", "ARM_TENANT_ID", "ARM_OIDC_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in named.items():
        monkeypatch.setenv(name, value)
    identity = azure_identity.Identity(
        lambda name: settings.get(name.removeprefix("azure-native:")) if configured else None
    )
    with pytest.raises(OperationsError) as error:
        identity.headers("https://management.azure.com")
    assert unanswered(error)


def test_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    client = Account(lambda _: None, "us-east-1").client("sts")
    with pytest.raises(OperationsError) as error, translate_errors("say who the credentials are"):
        client.get_caller_identity()
    assert unanswered(error)
