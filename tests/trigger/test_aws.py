"""The AWS entry point: claims and job starts with botocore's stubs, its events and its package."""

from __future__ import annotations

import base64
import importlib
import json
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from botocore.stub import ANY, Stubber

from providers.aws.archive import ARCHIVE
from trigger.core import ClaimError, StartError

MODEL = "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01"
ENV = {
    "NODE_NAME": "alpha",
    "MODEL_ID": MODEL,
    "TOKEN_SHA256": "3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7",  # of "data"
    "NODE_ENABLED": "1",
    "PACKAGE": "abc",
    "CLAIMS_BUCKET": "bucket",
    "CLAIMS_PREFIX": "claims/alpha/",
    "JOB_QUEUE": "arn:aws:batch:us-east-1:123456789012:job-queue/q",
    "JOB_DEFINITION": "alpha-1a2b3c4",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "ASIAX",
    "AWS_SECRET_ACCESS_KEY": "x",
}

ANY_CLAIM = {"Bucket": "bucket", "Key": ANY, "Body": ANY, "IfNoneMatch": "*", "Metadata": ANY}


class Aws:
    """The entry point with stubbed clients."""

    def __init__(self, entry: ModuleType) -> None:
        self.entry = entry
        self.settings, self.claims, self.jobs = entry._parts()
        self.s3, self.batch = Stubber(self.claims._client), Stubber(self.jobs._client)
        self.s3.activate()
        self.batch.activate()

    def puts(self, key: str, body: bytes | Any, error: str = "", status: int = 400) -> None:
        expected = {"Bucket": "bucket", "Key": f"claims/alpha/{key}", "Body": body, "IfNoneMatch": "*"}
        expected["Metadata"] = {"claimant": ANY}
        if error:
            self.s3.add_client_error("put_object", error, http_status_code=status, expected_params=expected)
        else:
            self.s3.add_response("put_object", {}, expected)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    entry = importlib.import_module("trigger.aws")
    entry._parts.cache_clear()
    stubs = Aws(entry)
    yield stubs
    stubs.s3.assert_no_pending_responses()
    stubs.batch.assert_no_pending_responses()
    entry._parts.cache_clear()


def test_a_claim_is_made_once_by_an_atomic_creation(aws: Aws) -> None:
    aws.puts("run-1/1.claim", b"first")
    aws.puts("run-1/1.claim", b"second", "PreconditionFailed", 412)
    assert aws.claims.create("run-1/1.claim", b"first") is True
    assert aws.claims.create("run-1/1.claim", b"second") is False


def test_a_conflict_asks_again(aws: Aws) -> None:
    aws.puts("k", b"b", "ConditionalRequestConflict", 409)
    aws.puts("k", b"b", "PreconditionFailed", 412)
    assert aws.claims.create("k", b"b") is False


def test_conflicts_without_end_are_an_error(aws: Aws) -> None:
    for _ in range(3):
        aws.puts("k", b"b", "ConditionalRequestConflict", 409)
    with pytest.raises(ClaimError, match="under way"):
        aws.claims.create("k", b"b")


def test_a_missing_right_is_no_taken_claim(aws: Aws) -> None:
    aws.puts("k", b"b", "AccessDenied", 403)
    with pytest.raises(ClaimError, match="could not be written: AccessDenied"):
        aws.claims.create("k", b"b")
    aws.s3.add_client_error("list_objects_v2", "AccessDenied")
    with pytest.raises(ClaimError, match="could not be listed"):
        aws.claims.list("run-1/")


def test_claims_are_listed_page_by_page_and_read_by_relative_keys(aws: Aws) -> None:
    wanted = {"Bucket": "bucket", "Prefix": "claims/alpha/run-1/"}
    first = {
        "Contents": [{"Key": "claims/alpha/run-1/1.claim"}],
        "IsTruncated": True,
        "NextContinuationToken": "next",
    }
    aws.s3.add_response("list_objects_v2", first, wanted)
    second = {"Contents": [{"Key": "claims/alpha/run-1/1.failed"}], "IsTruncated": False}
    aws.s3.add_response("list_objects_v2", second, wanted | {"ContinuationToken": "next"})
    assert aws.claims.list("run-1/") == ["run-1/1.claim", "run-1/1.failed"]


def test_a_store_that_does_not_answer_is_an_error(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(**_: Any) -> None:
        raise ReadTimeoutError(endpoint_url="https://bucket.s3.amazonaws.com")

    monkeypatch.setattr(aws.claims._client, "put_object", hang)
    with pytest.raises(ClaimError, match="did not answer: ReadTimeoutError"):
        aws.claims.create("k", b"b")


def test_a_job_starts_by_name_with_its_variables(aws: Aws) -> None:
    expected = {
        "jobName": "run-1-1",
        "jobQueue": ENV["JOB_QUEUE"],
        "jobDefinition": "alpha-1a2b3c4",
        "containerOverrides": {"environment": [{"name": "RUN_ID", "value": "run-1"}]},
    }
    aws.batch.add_response("submit_job", {"jobName": "run-1-1", "jobId": "job-7"}, expected)
    assert aws.jobs.start("run-1-1", {"RUN_ID": "run-1"}) == "job-7"


def test_a_refused_start_and_a_start_that_hangs_are_start_errors(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.batch.add_client_error("submit_job", "AccessDeniedException", "secret detail")
    with pytest.raises(StartError) as refused:
        aws.jobs.start("run-1-1", {})
    assert str(refused.value) == "Batch did not take the job: AccessDeniedException"

    def hang(**_: Any) -> None:
        raise ReadTimeoutError(endpoint_url="https://batch.us-east-1.amazonaws.com")

    monkeypatch.setattr(aws.jobs._client, "submit_job", hang)
    with pytest.raises(StartError, match="did not answer"):
        aws.jobs.start("run-1-1", {})


def test_a_start_is_never_sent_twice(aws: Aws) -> None:
    assert aws.jobs._client.meta.config.retries["total_max_attempts"] == 1


def event(method: str = "POST", path: str = f"/pred/{MODEL}", query: str = "token=data", **more: Any) -> dict[str, Any]:
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"Content-Type": "application/json"},
        "requestContext": {"http": {"method": method, "path": path}},
        "isBase64Encoded": False,
        **more,
    }


def test_a_request_starts_the_job(aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    aws.puts("trigger-1/1.claim", ANY)
    aws.batch.add_response("submit_job", {"jobName": "n", "jobId": "job-7"})
    aws.puts("trigger-1/1.started", ANY)
    body = json.dumps({"roundNumber": 7, "triggerId": "trigger-1"})
    encoded = base64.b64encode(body.encode()).decode()
    answer = aws.entry.handler(event(body=encoded, isBase64Encoded=True), None)
    assert answer["statusCode"] == 202
    assert json.loads(answer["body"])["job"] == "job-7"
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["http"] == 202
    assert "data" not in json.loads(line).values()


def test_health_says_which_package_runs(aws: Aws) -> None:
    answer = aws.entry.handler(event("GET", "/health", ""), None)
    assert json.loads(answer["body"]) == {"node": "alpha", "package": "abc"}


def test_a_request_cannot_pretend_to_be_the_schedule(aws: Aws) -> None:
    pretended = event(query="", body="{}") | {"source": "schedule", "time": "2026-01-01T00:00:00Z"}
    assert aws.entry.handler(pretended, None)["statusCode"] == 401


def test_the_schedule_starts_a_run_of_its_time(aws: Aws) -> None:
    aws.s3.add_response(
        "put_object", {}, {"Bucket": "bucket", "Key": ANY, "Body": ANY, "IfNoneMatch": "*", "Metadata": ANY}
    )
    aws.batch.add_response("submit_job", {"jobName": "n", "jobId": "job-7"})
    aws.s3.add_response(
        "put_object", {}, {"Bucket": "bucket", "Key": ANY, "Body": ANY, "IfNoneMatch": "*", "Metadata": ANY}
    )
    assert aws.entry.handler({"source": "schedule", "time": "2026-01-01T00:00:00Z"}, None) is None


def test_a_scheduled_start_that_failed_is_an_error_so_that_lambda_calls_again(aws: Aws) -> None:
    aws.s3.add_response(
        "put_object", {}, {"Bucket": "bucket", "Key": ANY, "Body": ANY, "IfNoneMatch": "*", "Metadata": ANY}
    )
    aws.batch.add_client_error("submit_job", "ServerException", http_status_code=500)
    aws.s3.add_response(
        "put_object", {}, {"Bucket": "bucket", "Key": ANY, "Body": ANY, "IfNoneMatch": "*", "Metadata": ANY}
    )
    with pytest.raises(RuntimeError, match="ServerException"):
        aws.entry.handler({"source": "schedule", "time": "2026-01-01T00:00:00Z"}, None)


def test_the_package_holds_entry_and_core_and_nothing_else() -> None:
    assert sorted(ARCHIVE.files()) == ["core.py", "index.py"]
    assert len(ARCHIVE.package()) < 16 * 1024
