"""Clients follow the stack's configuration, else boto3's own chain."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest

from providers.aws.session import Session


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "env")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    (tmp_path / "credentials").write_text("[other]\naws_access_key_id=AKIAPROFILE\naws_secret_access_key=x\n")


def key(client: Any) -> str:
    return str(client._request_signer._credentials.access_key)


def test_without_configuration_the_environment_counts() -> None:
    nothing: dict[str, str] = {}
    client = Session(nothing.get, "eu-west-1").client("ecr")
    assert (key(client), client.meta.region_name) == ("AKIAENV", "eu-west-1")


def test_keys_and_profiles_of_the_configuration() -> None:
    keys = {"aws:accessKey": "AKIACONFIG", "aws:secretKey": "x"}
    assert key(Session(keys.get, "us-east-1").client("ecr")) == "AKIACONFIG"
    assert key(Session({"aws:profile": "other"}.get, "us-east-1").client("ecr")) == "AKIAPROFILE"


@pytest.mark.parametrize(
    "value", ['[{"s3": "https://s3.example"}, {"ecr": "https://ecr.example"}]', [{"s3": "https://s3.example"}]]
)
def test_endpoints_of_the_configuration(value: Any) -> None:
    session = Session({"aws:endpoints": value}.get, "us-east-1")
    assert session.client("s3").meta.endpoint_url == "https://s3.example"
    assert session.client("logs").meta.endpoint_url == "https://logs.us-east-1.amazonaws.com"


@pytest.mark.parametrize("setting", ["aws:assumeRoles", "aws:assumeRole"])
def test_roles_are_assumed_one_after_the_other(setting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, dict[str, Any]]] = []
    plain = boto3.Session.client

    def client(self: boto3.Session, service: str, **options: Any) -> Any:
        made = plain(self, service, **options)
        if service == "sts":

            def assume_role(**wanted: Any) -> dict[str, Any]:
                asked.append((key(made), wanted))
                credentials = {"AccessKeyId": f"ASIA{len(asked)}", "SecretAccessKey": "x", "SessionToken": "t"}
                return {"Credentials": credentials | {"Expiration": datetime.now(UTC)}}

            made.assume_role = assume_role
        return made

    monkeypatch.setattr(boto3.Session, "client", client)
    roles = [{"roleArn": "arn:one", "externalId": "e", "tags": {"a": "b"}}, {"roleArn": "arn:two", "sessionName": "me"}]
    value = json.dumps(roles if setting == "aws:assumeRoles" else roles[0])
    session = Session({setting: value}.get, "us-east-1")
    first = {"RoleArn": "arn:one", "RoleSessionName": "prediction-nodes", "ExternalId": "e"}
    assert asked[0] == ("AKIAENV", first | {"Tags": [{"Key": "a", "Value": "b"}]})
    if setting == "aws:assumeRoles":
        assert asked[1] == ("ASIA1", {"RoleArn": "arn:two", "RoleSessionName": "me"})
    assert key(session.client("ecr")) == f"ASIA{len(asked)}"
