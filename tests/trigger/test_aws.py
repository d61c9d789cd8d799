"""The AWS entry point: its signature, table, claims and job starts with fake services, its events and its package."""

from __future__ import annotations

import base64
import calendar
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.sax.saxutils import escape

import pytest

import trigger.aws
from providers.aws.archive import ARCHIVE
from sandbox.aws.signature import valid
from sandbox.calls import Call
from tests.descriptions.every import require
from trigger import http_call
from trigger.aws import Batch, S3Store, Signer
from trigger.http_call import Answer
from trigger.starts import StartError
from trigger.table import Row, StoreError

MODEL = "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01"
ROW = Row(
    MODEL,
    "alpha",
    "3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7",  # of "data"
    "prediction-nodes-dev__alpha",
    "aws-us-east-1-1a2b3c4",
)
ENV = {
    "BUCKET": "bucket",
    "PACKAGE": "abc",
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "ASIAX",
    "AWS_SECRET_ACCESS_KEY": "x",
    "AWS_SESSION_TOKEN": "session",
}
ARN = "arn:aws:batch:us-east-1:123456789012:job-definition"


class Aws:
    """A bucket with two objects to a page, and a queue.

    `faults` are the results of the next calls: 200 for none, another status instead of the effect, or "lost" for the
    effect without its answer.
    """

    def __init__(self) -> None:
        self.objects: dict[str, tuple[str, bytes]] = {}
        self.jobs: list[dict[str, str]] = []
        self.faults: list[int | str] = []
        self.sent: list[tuple[str, str]] = []
        self.requests: list[dict[str, Any]] = []

    def call(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None, timeout: float = 0
    ) -> Answer:
        require(method, url, headers, body)
        parts = urlsplit(url)
        assert valid(read_call(method, url, headers, body), "x")
        self.sent.append((method, parts.path))
        fault = self.faults.pop(0) if self.faults else None
        if isinstance(fault, int) and fault != 200:
            return Answer(fault, b"<Error><Code>Refused</Code><Message>by a test</Message></Error>")
        s3 = parts.netloc == "bucket.s3.us-east-1.amazonaws.com"
        assert s3 or parts.netloc == "batch.us-east-1.amazonaws.com"
        answer = self._s3(method, parts.path, parts.query, headers, body) if s3 else self._batch(parts.path, body)
        if fault == "lost":
            raise TimeoutError("timed out")
        return answer

    def _s3(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        key = unquote(path[1:])
        if method == "PUT":
            assert headers["if-none-match"] == "*"
            if key in self.objects:
                return Answer(412, b"")
            self.objects[key] = ("2026-01-01T00:00:00.000Z", body or b"")
            return Answer(200, b"")
        if key:
            return Answer(200, self.objects[key][1])
        asked = dict(parse_qsl(query, keep_blank_values=True))
        keys = sorted(name for name in self.objects if name.startswith(asked["prefix"]))
        keys = [name for name in keys if name > asked.get("continuation-token", "")]
        items = "".join(
            f"<Contents><Key>{escape(name)}</Key><LastModified>{self.objects[name][0]}</LastModified></Contents>"
            for name in keys[:2]
        )
        following = f"<NextContinuationToken>{escape(keys[1])}</NextContinuationToken>" if len(keys) > 2 else ""
        xmlns = "http://s3.amazonaws.com/doc/2006-03-01/"
        return Answer(200, f'<ListBucketResult xmlns="{xmlns}">{items}{following}</ListBucketResult>'.encode())

    def _batch(self, path: str, body: bytes | None) -> Answer:
        request = json.loads(body or b"")
        self.requests.append(request)
        if path == "/v1/submitjob":
            job = {"jobId": f"job-{len(self.jobs)}", "jobName": request["jobName"]}
            self.jobs.append(job | {"jobDefinition": f"{ARN}/{request['jobDefinition']}:7"})
            return Answer(200, json.dumps(job).encode())
        assert path == "/v1/listjobs"
        prefix = request["filters"][0]["values"][0].removesuffix("*").lower()
        named = [job for job in self.jobs if job["jobName"].lower().startswith(prefix)]
        start = int(request.get("nextToken") or 0)
        page: dict[str, Any] = {"jobSummaryList": named[start : start + 1]}
        if start + 1 < len(named):
            page["nextToken"] = str(start + 1)
        return Answer(200, json.dumps(page).encode())

    def put_row(self, row: Row, modified: str) -> None:
        self.objects[f"table/{row.write_key()}"] = (modified, b"")


def read_call(method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Call:
    """Return a request as a server sees it."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    return Call(method, parts.netloc, unquote(parts.path), query, dict(headers), body or b"")


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)
    services = Aws()
    monkeypatch.setattr(http_call, "call", services.call)
    monkeypatch.setattr(trigger.aws, "call", services.call)
    monkeypatch.setattr(http_call, "PAUSES", (0.0, 0.0))
    monkeypatch.setattr(trigger.aws, "PAUSES", (0.0, 0.0))
    trigger.aws._trigger.cache_clear()
    yield services
    trigger.aws._trigger.cache_clear()
    assert not services.faults


@pytest.fixture
def store(aws: Aws) -> S3Store:
    return S3Store("bucket", Signer.read_environment("s3"))


@pytest.fixture
def batch(aws: Aws) -> Batch:
    return Batch(Signer.read_environment("batch"))


# Amazon S3 API Reference: "Signature Calculations for the Authorization Header", the examples of a single chunk.
PUBLISHED: list[tuple[str, str, dict[str, str], bytes | None, str]] = [
    ("GET", "/test.txt", {"range": "bytes=0-9"}, None,
     "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
    ("PUT", "/test%24file.text",
     {"date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"}, b"Welcome to Amazon S3.",
     "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"),
    ("GET", "/?lifecycle=", {}, None, "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
    ("GET", "/?max-keys=2&prefix=J", {}, None, "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "headers", "body", "expected"), PUBLISHED)
def test_a_signature_is_the_published_one(
    method: str, path: str, headers: dict[str, str], body: bytes | None, expected: str
) -> None:
    signer = Signer("s3", "us-east-1", "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    moment = calendar.timegm((2013, 5, 24, 0, 0, 0))
    url = f"https://examplebucket.s3.amazonaws.com{path}"
    assert signer.sign(method, url, headers, body, moment)["authorization"].endswith(f"Signature={expected}")


@pytest.mark.parametrize("service", ["s3", "batch"])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/", None),
        ("POST", "/v1/submitjob", b"{}"),
        ("PUT", "/claims/a-b_c.d~e", b"1"),
        ("GET", "/", b"x" * 9999),
    ],
)
def test_a_signature_is_botocores_and_covers_everything(
    service: str, method: str, path: str, body: bytes | None
) -> None:
    for query in ("", "?a=%20b&list-type=2&prefix=table%2F"):
        url, headers = f"https://host.example{path}{query}", {"if-none-match": "*", "content-type": "text/x"}
        signed = Signer(service, "eu-west-1", "key", "secret", "session").sign(method, url, headers, body)
        assert valid(read_call(method, url, signed, body), "secret")
        assert not valid(read_call(method, url, signed, b"other"), "secret")
        assert not valid(read_call(method, f"{url}2", signed, body), "secret")
        for name in (*headers, "x-amz-date", "x-amz-security-token"):
            assert not valid(read_call(method, url, signed | {name: "20260101T000000Z"}, body), "secret"), name


def test_a_key_of_s3_is_encoded_once() -> None:
    url = "https://bucket.s3.us-east-1.amazonaws.com/claims/alpha/a%20b%2Bc/1.claim"
    signed = Signer("s3", "us-east-1", "key", "secret").sign("GET", url, {}, None)
    assert valid(read_call("GET", url, signed, None), "secret")


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("us-gov-west-1", "bucket.s3.us-gov-west-1.amazonaws.com"),
        ("cn-north-1", "bucket.s3.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_partitions_have_their_own_hosts(region: str, host: str) -> None:
    assert Signer("s3", region, "k", "s").locate("bucket") == f"https://{host}"


def test_the_table_is_read_page_by_page_and_the_newest_row_of_a_model_is_last(aws: Aws, store: S3Store) -> None:
    new, old = ROW._replace(job="a-new"), ROW._replace(job="z-old")
    aws.put_row(old, "2026-01-01T00:00:00.000Z")
    aws.put_row(new, "2026-01-02T00:00:00.000Z")
    other = ROW._replace(model_id="m", node="b&<")
    aws.put_row(other, "2026-01-01T12:00:00.000Z")
    aws.objects["table/of a later version"] = ("2026-01-03T00:00:00.000Z", b"")
    aws.objects["claims/alpha/run/1.claim"] = ("2026-01-01T00:00:00.000Z", b"")
    assert store.read_rows() == [old, other, new]
    assert len(aws.sent) == 2


def test_a_claim_is_created_once(aws: Aws, store: S3Store) -> None:
    assert store.create("alpha/run-1/1.claim", b"first") is True
    assert store.create("alpha/run-1/1.claim", b"second") is False
    assert store.create("alpha/run-1/1.claim", b"first") is False, "a plain repeat is another trigger's"
    assert aws.objects["claims/alpha/run-1/1.claim"][1] == b"first"
    assert [method for method, _ in aws.sent] == ["PUT", "PUT", "PUT"]


@pytest.mark.parametrize("fault", ["lost", 503, 429, 500, 409])
def test_a_claim_whose_answer_was_lost_is_ours(aws: Aws, store: S3Store, fault: int | str) -> None:
    aws.faults = [fault]
    assert store.create("alpha/run-1/1.claim", b"ours") is True
    assert store.read("alpha/run-1/1.claim") == b"ours"


@pytest.mark.parametrize("fault", ["lost", 503, 409])
def test_a_lost_answer_that_said_taken_is_no_claim(aws: Aws, store: S3Store, fault: int | str) -> None:
    assert store.create("alpha/run-1/1.claim", b"theirs") is True
    aws.faults = [fault]
    assert store.create("alpha/run-1/1.claim", b"ours") is False


@pytest.mark.parametrize(("fault", "reason"), [(409, "409"), (503, "503"), ("lost", "timed out")])
def test_failures_without_end_are_an_error(aws: Aws, store: S3Store, fault: int | str, reason: str) -> None:
    aws.objects["claims/k"] = ("", b"")
    aws.faults = [fault] * 3
    with pytest.raises(StoreError, match=reason):
        store.create("k", b"ours")


def test_a_missing_permission_is_an_error_at_once(aws: Aws, store: S3Store) -> None:
    for act in (
        lambda: store.create("k", b"b"),
        lambda: store.list("alpha/run-1/"),
        lambda: store.read("k"),
        store.read_rows,
    ):
        aws.faults, aws.sent = [403], []
        with pytest.raises(StoreError, match="403 Refused by a test"):
            act()
        assert len(aws.sent) == 1


def test_claims_are_listed_page_by_page_by_relative_keys(aws: Aws, store: S3Store) -> None:
    names = ["alpha/run-1/1.claim", "alpha/run-1/1.failed", "alpha/run-1/2.claim"]
    for name in (*names, "alpha/run-2/1.claim"):
        store.create(name, b"")
    assert store.list("alpha/run-1/") == names


def test_a_job_starts_by_name_with_its_variables(aws: Aws, batch: Batch) -> None:
    assert batch.start(ROW, "run-1-1", {"RUN_ID": "run-1"}) == "job-0"
    assert aws.requests == [
        {
            "jobName": "run-1-1",
            "jobQueue": "aws-us-east-1-1a2b3c4",
            "jobDefinition": "prediction-nodes-dev__alpha",
            "containerOverrides": {"environment": [{"name": "RUN_ID", "value": "run-1"}]},
        }
    ]


@pytest.mark.parametrize(
    ("fault", "unclear", "busy"),
    [(400, False, False), (403, False, False), (429, False, True), (503, True, True), (500, True, False),
     ("lost", True, False)],
)  # fmt: skip
def test_a_start_is_sent_once_and_its_error_says_what_may_have_happened(
    aws: Aws, batch: Batch, fault: int | str, unclear: bool, busy: bool
) -> None:
    aws.faults = [fault]
    with pytest.raises(StartError) as error:
        batch.start(ROW, "run-1-1", {})
    assert (error.value.unclear, error.value.busy) == (unclear, busy)
    assert len(aws.sent) == 1


def test_an_answer_without_a_job_is_unclear(batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    for body in (b"", b"{}", b"[]", b"<html>"):
        monkeypatch.setattr(trigger.aws, "call", lambda *_, body=body: Answer(200, body))
        with pytest.raises(StartError) as error:
            batch.start(ROW, "run-1-1", {})
        assert error.value.unclear


def test_a_job_is_found_among_those_of_other_nodes_and_runs(aws: Aws, batch: Batch) -> None:
    for row, name in (
        (ROW._replace(job="prediction-nodes-dev__beta"), "run-1-1"),
        (ROW._replace(job="prediction-nodes-dev__alpha-2"), "run-1-1"),
        (ROW, "RUN-1-1"),
        (ROW, "run-1-2-1"),
        (ROW, "run-1-x"),
    ):
        batch.start(row, name, {})
    assert batch.find(ROW, "run-1") is None
    assert batch.start(ROW, "run-1-3", {}) == "job-5"
    assert batch.find(ROW, "run-1") == "job-5"
    assert aws.requests[-1]["jobQueue"] == ROW.queue


def test_a_look_up_is_repeated_and_its_failure_is_a_start_error(aws: Aws, batch: Batch) -> None:
    aws.faults = [503, "lost"]
    assert batch.find(ROW, "run-1") is None
    for faults, reason in (([403], "403"), ([429] * 3, "429"), (["lost"] * 3, "timed out")):
        aws.faults = list(faults)
        with pytest.raises(StartError, match=reason):
            batch.find(ROW, "run-1")


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


def call(trigger_id: str = "trigger-1") -> dict[str, Any]:
    body = json.dumps({"roundNumber": 7, "triggerId": trigger_id}).encode()
    answer = trigger.aws.handler(event(body=base64.b64encode(body).decode(), isBase64Encoded=True), None)
    assert answer is not None
    return {**json.loads(answer["body"]), "http": answer["statusCode"]}


def test_a_request_starts_the_job(aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    aws.put_row(ROW, "2026-01-01T00:00:00.000Z")
    assert call()["job"] == "job-0"
    assert list(aws.objects)[1:] == [
        "claims/alpha/trigger-1/1.claim",
        "claims/alpha/round-7/1.claim",
        "claims/alpha/trigger-1/1.started",
    ]
    (line,) = capsys.readouterr().out.splitlines()
    assert (json.loads(line)["node"], json.loads(line)["http"]) == ("alpha", 202)
    assert "data" not in json.loads(line).values()


def test_a_start_whose_answer_was_lost_is_looked_up_and_not_repeated(aws: Aws) -> None:
    aws.put_row(ROW, "2026-01-01T00:00:00.000Z")
    call("trigger-0")  # reads the table
    aws.faults = [200, "lost"]  # the claim, the start
    assert call()["job"] == "job-1"
    assert len(aws.jobs) == 2


def test_health_says_which_package_runs_and_which_node_serves_a_model(aws: Aws) -> None:
    aws.put_row(ROW, "2026-01-01T00:00:00.000Z")
    for path, body in (("/health", {"package": "abc"}), (f"/health/{MODEL}", {"node": "alpha", "package": "abc"})):
        answer = trigger.aws.handler(event("GET", path, ""), None)
        assert answer is not None
        assert json.loads(answer["body"]) == body


def test_a_request_cannot_pretend_to_be_the_schedule(aws: Aws) -> None:
    aws.put_row(ROW, "2026-01-01T00:00:00.000Z")
    pretended = event(query="", body="{}") | {"source": "schedule", "model_id": MODEL, "time": "2026-01-01T00:00:00Z"}
    answer = trigger.aws.handler(pretended, None)
    assert answer is not None
    assert answer["statusCode"] == 401
    assert not aws.jobs


def test_the_schedule_starts_a_run_of_its_time_once(aws: Aws) -> None:
    aws.put_row(ROW, "2026-01-01T00:00:00.000Z")
    scheduled = {"source": "schedule", "model_id": MODEL, "time": "2026-01-01T00:00:00Z"}
    assert trigger.aws.handler(scheduled, None) is None
    assert trigger.aws.handler(scheduled, None) is None
    assert len(aws.jobs) == 1


def test_a_scheduled_start_that_failed_is_an_error_so_that_lambda_calls_again(aws: Aws) -> None:
    aws.put_row(ROW, "2026-01-01T00:00:00.000Z")
    call("trigger-0")
    aws.faults = [200, 400]
    with pytest.raises(RuntimeError, match="400 Refused"):
        trigger.aws.handler({"source": "schedule", "model_id": MODEL, "time": "2026-01-01T00:00:00Z"}, None)


def test_the_table_is_read_while_the_process_starts_and_again_after_an_error(aws: Aws) -> None:
    aws.put_row(ROW, "2026-01-01T00:00:00.000Z")
    aws.faults = [403]
    trigger.aws._prepare()
    assert call()["http"] == 202
    trigger.aws._trigger.cache_clear()
    aws.sent.clear()
    trigger.aws._prepare()
    assert call()["http"] == 200
    assert aws.sent[:2] == [("GET", "/"), ("PUT", "/claims/alpha/trigger-1/1.claim")]


def test_the_package_holds_entry_core_and_calls_and_needs_only_the_standard_library(tmp_path: Path) -> None:
    modules = {"__init__", "aws", "core", "history", "http_call", "aws_watch", "job_runs", "numerai_api", "partner"}
    modules |= {"watch", "alert_channels", "alerts", "aws_alerts", "calls", "claims", "starts", "table"}
    assert set(ARCHIVE.files()) == {"index.py", *(f"trigger/{name}.py" for name in modules)}
    (tmp_path / "trigger").mkdir()
    for name, text in ARCHIVE.files().items():
        (tmp_path / name).write_text(text)
    late = "{'index', 'trigger.history', 'trigger.watch', 'trigger.alerts'}"
    code = f"import sys; sys.path.insert(0, '.'); import index; print(*{{*sys.modules}} & {late})"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout == "index\n", done.stderr
