"""What the check of requests finds, on each cloud."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.descriptions.every import check
from tests.descriptions.sent import Sent

JSON = {"content-type": "application/json"}
BLOB = {"x-ms-version": "2023-11-03"}
JOB = "https://management.azure.com/subscriptions/s/resourceGroups/g/providers/Microsoft.App/jobs/j"
RUN = "https://run.googleapis.com/v2/projects/p/locations/l/jobs/j:run"
START = {"containers": [{"name": "a", "image": "i", "resources": {"cpu": 1, "memory": "2Gi"}}]}
SUBMIT = {"jobName": "a", "jobQueue": "q", "jobDefinition": "d"}
S3, BATCH = "https://b.s3.us-east-1.amazonaws.com", "https://batch.us-east-1.amazonaws.com/v1"
GCS = "https://storage.googleapis.com"
RUNS = (
    "https://management.azure.com/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerRegistry/registries/r"
)

GOOD: list[tuple[str, str, str, dict[str, str], Any]] = [
    ("run.projects.locations.jobs.run", "POST", RUN, JSON, {"overrides": {"containerOverrides": [{"env": []}]}}),
    ("storage.objects.list", "GET", f"{GCS}/storage/v1/b/b/o?prefix=a&pageToken=", {}, None),
    ("storage.objects.get", "GET", f"{GCS}/storage/v1/b/b/o/claims%2Fa?alt=media", {}, None),
    ("storage.objects.insert", "POST", f"{GCS}/upload/storage/v1/b/b/o?uploadType=media&name=x", {}, {"any": 1}),
    ("s3:PutObject", "PUT", f"{S3}/claims/x", {"if-none-match": "*", "content-type": "text/plain"}, {}),
    ("s3:ListObjectsV2", "GET", f"{S3}/?list-type=2&prefix=a", {}, None),
    ("batch:SubmitJob", "POST", f"{BATCH}/submitjob", JSON, SUBMIT),
    ("jobs_start", "POST", f"{JOB}/start?api-version=2025-01-01", JSON, START),
    ("jobs_executions_list", "GET", f"{JOB}/executions?api-version=2025-01-01", {}, None),
    ("upload", "PUT", "https://a.blob.core.windows.net/c/b", BLOB | {"x-ms-blob-type": "BlockBlob"}, {}),
    ("list_blob_flat_segment", "GET", "https://a.blob.core.windows.net/c?restype=container&comp=list", BLOB, None),
]
BAD: list[tuple[str, str, str, dict[str, str], Any]] = [
    ("unknown member commands", "POST", RUN, JSON, {"overrides": {"containerOverrides": [{"commands": []}]}}),
    ("expected string", "POST", RUN, JSON, {"etag": 1}),
    ("no method of run", "GET", RUN.replace("jobs", "nodes"), {}, None),
    ("unknown parameter prefx", "GET", f"{GCS}/storage/v1/b/b/o?prefx=a", {}, None),
    ("is no integer", "GET", f"{GCS}/storage/v1/b/b/o?maxResults=many", {}, None),
    ("unknown header if-nonmatch", "PUT", f"{S3}/claims/x", {"if-nonmatch": "*"}, {}),
    ("unknown parameter prefx", "GET", f"{S3}/?list-type=2&prefx=a", {}, None),
    ('"jobQueue"', "POST", f"{BATCH}/submitjob", JSON, {"jobName": "a", "jobDefinition": "d"}),
    ('"valu"', "POST", f"{BATCH}/submitjob", JSON, SUBMIT | {"containerOverrides": {"environment": [{"valu": "b"}]}}),
    ("no operation of batch", "POST", f"{BATCH}/submitjobs", JSON, SUBMIT),
    ("api-version is missing", "GET", JOB, {}, None),
    ("unknown member volumes", "POST", f"{JOB}/start?api-version=1", JSON, START | {"volumes": []}),
    ("expected float", "POST", f"{JOB}/start?api-version=1", JSON, {"containers": [{"resources": {"cpu": "1"}}]}),
    ("takes no body", "POST", f"{JOB}/stop?api-version=1", JSON, {"all": True}),
    ("no client's operation", "POST", f"{RUNS}/scheduleRuns?api-version=1", JSON, {}),
    (
        "unknown member argumentz",
        "POST",
        f"{RUNS}/scheduleRun?api-version=1",
        JSON,
        {"type": "DockerBuildRequest", "argumentz": []},
    ),
    ("x-ms-version is missing", "GET", "https://a.blob.core.windows.net/c?restype=container&comp=list", {}, None),
    ("nothing describes", "GET", "https://dynamodb.us-east-1.amazonaws.com/", {}, None),
]


@pytest.mark.parametrize(("operation", "method", "url", "headers", "body"), GOOD, ids=[each[0] for each in GOOD])
def test_a_request_is_known(operation: str, method: str, url: str, headers: dict[str, str], body: Any) -> None:
    verdict = check(Sent.to(method, url, headers, json.dumps(body).encode() if body is not None else None))
    assert verdict is not None
    assert (verdict.operation, verdict.problems) == (operation, [])


@pytest.mark.parametrize(("problem", "method", "url", "headers", "body"), BAD, ids=[each[0] for each in BAD])
def test_a_mistake_is_found(problem: str, method: str, url: str, headers: dict[str, str], body: Any) -> None:
    verdict = check(Sent.to(method, url, headers, json.dumps(body).encode() if body is not None else None))
    assert verdict is not None
    assert len(verdict.problems) == 1, verdict
    assert problem in verdict.problems[0]


def test_requests_without_a_description_are_listed() -> None:
    assert check(Sent.to("GET", "http://metadata.google.internal/computeMetadata/v1/x", {}, None)) is None
