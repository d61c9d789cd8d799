"""Signature Version 4: calls signed by real clients are valid; changed calls and other keys are not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from sandbox.aws import iam
from sandbox.aws.signature import key_of, valid
from sandbox.calls import Call
from tests.sandbox.aws.cloud import Aws


def signed(service: str = "batch", secret: str = "right", query: str = "", path: str = "/v1/submitjob") -> Call:
    host = f"{service}.us-east-1.amazonaws.com"
    request = AWSRequest("POST", f"https://{host}{path}{query}", data=b"{}", headers={"Content-Type": "text/x"})
    kind = S3SigV4Auth if service == "s3" else SigV4Auth
    kind(Credentials("ASIAX", secret, "token"), service, "us-east-1").add_auth(request)
    headers = {name.lower(): str(value) for name, value in request.headers.items()}
    parameters = dict(pair.split("=") for pair in query.lstrip("?").split("&")) if query else {}
    return Call("POST", host, path, parameters, {**headers, "host": host}, b"{}")


@pytest.mark.parametrize("service", ["batch", "s3", "logs"])
def test_a_signed_call_is_its_key_s(service: str) -> None:
    call = signed(service, query="?list-type=2&prefix=a")
    assert key_of(call) == "ASIAX"
    assert valid(call, "right")


@pytest.mark.parametrize(
    "change",
    [
        {"method": "PUT"},
        {"path": "/v1/terminatejob"},
        {"query": {"x": "1"}},
        {"body": b'{"jobName": "other"}'},
        {"host": "s3.us-east-1.amazonaws.com"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_nothing_of_a_call_can_be_changed(change: dict[str, Any]) -> None:
    assert not valid(replace(signed(), **change), "right")


@pytest.mark.parametrize("name", ["x-amz-security-token", "content-type", "x-amz-date"])
def test_signed_headers_neither(name: str) -> None:
    call = signed()
    assert name in call.headers
    assert not valid(replace(call, headers=call.headers | {name: "20260101T000000Z"}), "right")


def test_another_secret_and_no_signature() -> None:
    assert not valid(signed(secret="wrong"), "right")
    unsigned = replace(signed(), headers={})
    assert key_of(unsigned) is None
    assert not valid(unsigned, "right")


@pytest.mark.parametrize("service", ["sts", "s3"])
def test_services_refuse_a_caller_who_only_knows_a_key_s_id(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    bucket = aws.bucket()
    monkeypatch.setattr(iam, "DEPLOYER_SECRET", "another")
    client = aws.client(service)
    call = client.get_caller_identity if service == "sts" else lambda: client.head_bucket(Bucket=bucket.id)
    with pytest.raises(ClientError) as error:
        call()
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


@pytest.mark.parametrize("key", ["claims/alpha/a b+c", "ünïcode/ß", "with%percent", "a=b&c?d"])
def test_keys_of_any_characters_are_signed_as_they_are(aws: Aws, key: str) -> None:
    bucket, client = aws.bucket(), aws.client("s3")
    client.put_object(Bucket=bucket.id, Key=key, Body=b"1", Metadata={"claimant": "me"})
    assert client.head_object(Bucket=bucket.id, Key=key)["Metadata"] == {"claimant": "me"}
    assert [item["Key"] for item in client.list_objects_v2(Bucket=bucket.id, Prefix=key)["Contents"]] == [key]
