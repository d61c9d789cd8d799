"""If the answer to a claim is lost, boto3 repeats the request, and the trigger recognises its own claim."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ConnectionClosedError
from botocore.httpsession import URLLib3Session

from trigger.aws import S3Claims
from trigger.core import ClaimError

_TAKEN = b"<Error><Code>PreconditionFailed</Code><Message>x</Message></Error>"


class S3:
    """A bucket. The answers to the first `lost` write requests never arrive."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, str]] = {}
        self.lost = 0
        self.methods: list[str] = []
        self.readable = True

    def send(self, request: Any) -> AWSResponse:
        path = request.url.split("?")[0]
        self.methods.append(request.method)
        if request.method == "HEAD":
            if not self.readable:
                return self._answer(request, 403)
            return self._answer(request, 200, headers=self.objects[path])
        if path in self.objects:
            status, body = 412, _TAKEN
        else:
            headers = {name.lower(): _text(value) for name, value in request.headers.items()}
            self.objects[path] = {name: value for name, value in headers.items() if name.startswith("x-amz-meta-")}
            status, body = 200, b""
        if self.lost:
            self.lost -= 1
            raise ConnectionClosedError(endpoint_url=request.url)
        return self._answer(request, status, body)

    def _answer(
        self, request: Any, status: int, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> AWSResponse:
        answer = AWSResponse(request.url, status, headers or {}, None)
        answer._content = body
        return answer


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> S3:
    bucket = S3()
    monkeypatch.setattr(URLLib3Session, "send", bucket.send)
    monkeypatch.setattr("time.sleep", lambda _: None)
    return bucket


def claims() -> S3Claims:
    keys = {"aws_access_key_id": "k", "aws_secret_access_key": "s", "region_name": "us-east-1"}
    config = Config(retries={"mode": "standard", "total_max_attempts": 3})
    return S3Claims(boto3.client("s3", config=config, **keys), "bucket", "claims/alpha/")


def test_a_claim_whose_answer_was_lost_is_ours(s3: S3) -> None:
    s3.lost = 1
    assert claims().create("run/1.claim", b"me") is True
    assert s3.methods == ["PUT", "PUT", "HEAD"]


def test_a_lost_answer_that_said_taken_is_no_claim(s3: S3) -> None:
    assert claims().create("run/1.claim", b"same body") is True
    s3.lost = 1
    assert claims().create("run/1.claim", b"same body") is False


def test_a_plain_repeat_costs_no_further_question(s3: S3) -> None:
    assert claims().create("run/1.claim", b"me") is True
    assert claims().create("run/1.claim", b"me") is False
    assert s3.methods == ["PUT", "PUT"]


def test_a_claim_that_cannot_be_looked_at_is_an_error(s3: S3) -> None:
    s3.lost, s3.readable = 1, False
    with pytest.raises(ClaimError, match="could not be read"):
        claims().create("run/1.claim", b"me")
