"""The clouds' services as the deployed triggers call them: storage, compute and secrets, over HTTP.

Each answers the requests of one cloud's trigger and nothing else; `tests/conformance` and `tests/descriptions` compare
those requests with other implementations and with the clouds' descriptions.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.sax.saxutils import escape

from tests.reliability.jobs import Job
from trigger.http_call import Answer
from trigger.table import Row

STARTED = Callable[[str, str, dict[str, str]], Job]
"""Starts a job: the node's name, the RUN_ID, and all variables."""
LISTED = Callable[[str], list[Job]]
KEY = "key-of-the-account"
BUSY = b'{"error": {"message": "busy"}}'


class Objects:
    """Objects that can be created once, by folder. Safe to use from several threads."""

    def __init__(self) -> None:
        self.folders: dict[str, dict[str, bytes]] = {}
        self._lock = threading.Lock()

    def create(self, key: str, body: bytes) -> bool:
        folder, _, name = key.rpartition("/")
        with self._lock:
            return self.folders.setdefault(folder, {}).setdefault(name, body) is body

    def read(self, key: str) -> bytes | None:
        folder, _, name = key.rpartition("/")
        return self.folders.get(folder, {}).get(name)

    def list(self, prefix: str) -> list[str]:
        """Return the keys in a folder, which is all that a trigger lists during a season."""
        assert prefix.endswith("/")
        return [prefix + name for name in list(self.folders.get(prefix[:-1], ()))]


class Services:
    """The services of one region. `rows` is its table."""

    def __init__(self, rows: list[Row], start: STARTED, list_jobs: LISTED) -> None:
        self.objects, self.rows, self._start, self._list_jobs = Objects(), rows, start, list_jobs
        self.table = [f"table/{row.write_key()}" for row in rows]

    @staticmethod
    def find_service(method: str, host: str, path: str) -> str:
        """Return the name of the service that a request is for: store, compute, secrets or identity."""
        raise NotImplementedError

    def answer(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        """Carry out a request."""
        raise NotImplementedError


def write_time(seconds: float) -> str:
    """Return a time as the clouds write it."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.123456Z"


def _read_query(query: str) -> dict[str, str]:
    return dict(parse_qsl(query, keep_blank_values=True))


class AwsServices(Services):
    """S3, Batch and Secrets Manager."""

    @staticmethod
    def find_service(method: str, host: str, path: str) -> str:
        return {"batch": "compute", "secretsmanager": "secrets"}.get(host.split(".")[0], "store")

    def answer(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        parts = urlsplit(url)
        service = self.find_service(method, parts.netloc, parts.path)
        if service == "compute":
            return self._batch(parts.path, json.loads(body or b"{}"))
        if service == "secrets":
            keys = {"NUMERAI_PUBLIC_ID": "id", "NUMERAI_SECRET_KEY": KEY}
            return Answer(200, json.dumps({"SecretString": json.dumps(keys)}).encode())
        key = unquote(parts.path[1:])
        if method == "PUT":
            assert headers["if-none-match"] == "*"
            return Answer(200 if self.objects.create(key, body or b"") else 412, b"")
        if key:
            content = self.objects.read(key)
            return Answer(404, b"") if content is None else Answer(200, content)
        prefix = _read_query(parts.query)["prefix"]
        names = self.table if prefix == "table/" else self.objects.list(prefix)
        items = "".join(f"<Contents><Key>{escape(name)}</Key></Contents>" for name in names)
        xmlns = "http://s3.amazonaws.com/doc/2006-03-01/"
        return Answer(200, f'<ListBucketResult xmlns="{xmlns}">{items}</ListBucketResult>'.encode())

    def _batch(self, path: str, request: dict[str, Any]) -> Answer:
        if path == "/v1/submitjob":
            env = {item["name"]: item["value"] for item in request["containerOverrides"]["environment"]}
            # numerai-cli's Lambda passes no other id than Numerai's.
            job = self._start(request["jobDefinition"], env.get("RUN_ID") or env["TRIGGER_ID"], env)
            return Answer(200, json.dumps({"jobId": job.name, "jobName": request["jobName"]}).encode())
        assert path == "/v1/listjobs"
        ((name, value),) = [(item["name"], item["values"][0]) for item in request["filters"]]
        if name == "JOB_DEFINITION":
            jobs = self._list_jobs(value)
        else:
            wanted = value.removesuffix("-*")
            jobs = [job for row in self.rows for job in self._list_jobs(row.node) if job.run_id == wanted]
        return Answer(200, json.dumps({"jobSummaryList": [_describe_batch_job(job) for job in jobs]}).encode())


def _describe_batch_job(job: Job) -> dict[str, Any]:
    described: dict[str, Any] = {
        "jobId": job.name,
        "jobName": f"{job.run_id}-1",
        "jobDefinition": f"arn:aws:batch:us-east-1:123456789012:job-definition/{job.node.name}:1",
        "createdAt": int(job.created * 1000),
        "status": {"succeeded": "SUCCEEDED", "failed": "FAILED"}.get(job.state, "RUNNING"),
    }
    if job.state != "running":
        described["stoppedAt"] = int(job.ends * 1000)
    if job.own_fault:
        described["container"] = {"exitCode": 1}
    elif job.state == "failed":
        described["statusReason"] = "Host EC2 (instance i-1) terminated." if job.kind == "lost" else "Task failed"
    return described


class GcpServices(Services):
    """Cloud Storage, Cloud Run, Secret Manager and the metadata server."""

    @staticmethod
    def find_service(method: str, host: str, path: str) -> str:
        names = {"run.googleapis.com": "compute", "secretmanager.googleapis.com": "secrets"}
        return names.get(host, "store" if host == "storage.googleapis.com" else "identity")

    def answer(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        parts = urlsplit(url)
        service, query = self.find_service(method, parts.netloc, parts.path), _read_query(parts.query)
        if service == "identity":
            return Answer(200, json.dumps({"access_token": "token-of-the-function", "expires_in": 3599}).encode())
        if service == "secrets":
            return Answer(200, json.dumps({"payload": {"data": base64.b64encode(KEY.encode()).decode()}}).encode())
        if service == "compute":
            return self._run(method, parts.path, body)
        if method == "POST":
            assert query["ifGenerationMatch"] == "0"
            return Answer(200 if self.objects.create(query["name"], body or b"") else 412, b"{}")
        name = unquote(parts.path.partition("/o/")[2])
        if name:
            content = self.objects.read(name)
            return Answer(404, b"") if content is None else Answer(200, content)
        names = self.table if query["prefix"] == "table/" else self.objects.list(query["prefix"])
        return Answer(200, json.dumps({"items": [{"name": name, "updated": ""} for name in names]}).encode())

    def _run(self, method: str, path: str, body: bytes | None) -> Answer:
        if method == "POST":
            (overrides,) = json.loads(body or b"")["overrides"]["containerOverrides"]
            env = {item["name"]: item["value"] for item in overrides["env"]}
            job = self._start(path.rsplit("/", 1)[-1].removesuffix(":run"), env["RUN_ID"], env)
            return Answer(200, json.dumps({"name": "operation", "metadata": {"name": job.name}}).encode())
        jobs = self._list_jobs(path.split("/")[-2])
        return Answer(200, json.dumps({"executions": [_describe_execution(job) for job in jobs]}).encode())


def _describe_execution(job: Job) -> dict[str, Any]:
    env = [{"name": name, "value": value} for name, value in job.env.items()]
    described: dict[str, Any] = {
        "name": job.name,
        "createTime": write_time(job.created),
        "template": {"containers": [{"env": env}]},
        "conditions": [{"type": "Completed", "state": "CONDITION_PENDING"}],
    }
    if job.state != "running":
        described["completionTime"] = write_time(job.ends)
        state = {"type": "Completed", "state": f"CONDITION_{job.state.upper()}"}
        described["conditions"] = [state | ({"executionReason": "NON_ZERO_EXIT_CODE"} if job.own_fault else {})]
    return described
