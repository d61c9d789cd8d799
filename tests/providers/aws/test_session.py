"""Clients use the stack's configuration or, failing that, boto3's defaults."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.loaders import JSONFileLoader

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


def test_the_descriptions_of_the_services_are_read_once_for_all_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing: dict[str, str] = {}
    Session(nothing.get, "eu-west-1").client("ecr")
    monkeypatch.setattr(JSONFileLoader, "load_file", lambda _self, path: pytest.fail(f"{path} is read again"))
    assert Session(nothing.get, "us-east-1").client("ecr").meta.region_name == "us-east-1"


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


def test_a_profile_of_the_stack_s_own_files(tmp_path: Path) -> None:
    file = tmp_path / "own"
    file.write_text("[work]\naws_access_key_id = AKIAFILE\naws_secret_access_key = x\n")
    config = {"aws:profile": "work", "aws:sharedCredentialsFiles": json.dumps([str(file)])}
    assert key(Session(config.get, "us-east-1").client("s3")) == "AKIAFILE"


def test_switches_that_decide_over_host_names() -> None:
    fips = Session({"aws:useFipsEndpoint": "true"}.get, "us-east-1").client("codebuild")
    plain = Session({"aws:useFipsEndpoint": "false"}.get, "us-east-1").client("codebuild")
    assert fips.meta.endpoint_url == "https://codebuild-fips.us-east-1.amazonaws.com"
    assert plain.meta.endpoint_url == "https://codebuild.us-east-1.amazonaws.com"
    path = Session({"aws:s3UsePathStyle": "true"}.get, "us-east-1").client("s3")
    assert path.meta.config.s3["addressing_style"] == "path"


def test_the_provider_s_names_of_services() -> None:
    session = Session({"aws:endpoints": '[{"cloudwatchlogs": "https://logs.example"}]'}.get, "us-east-1")
    assert session.client("logs").meta.endpoint_url == "https://logs.example"


def test_a_token_of_somebody_else_s_is_a_way_in_without_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    (tmp_path / "token").write_text("signed-by-ci\n")
    asked: list[dict[str, Any]] = []
    plain = boto3.Session.client

    def client(self: boto3.Session, service: str, **options: Any) -> Any:
        made = plain(self, service, **options)
        if service == "sts":

            def assume(**wanted: Any) -> dict[str, Any]:
                asked.append(wanted)
                return {"Credentials": {"AccessKeyId": "ASIAWEB", "SecretAccessKey": "x", "SessionToken": "t"}}

            made.assume_role_with_web_identity = assume
        return made

    monkeypatch.setattr(boto3.Session, "client", client)
    role = {"roleArn": "arn:one", "webIdentityTokenFile": str(tmp_path / "token")}
    session = Session({"aws:assumeRoleWithWebIdentity": json.dumps(role)}.get, "us-east-1")
    assert key(session.client("s3")) == "ASIAWEB"
    wanted = {"RoleArn": "arn:one", "RoleSessionName": "prediction-nodes", "WebIdentityToken": "signed-by-ci"}
    assert asked == [wanted]
