"""The Azure entry point: claims and job starts with the services' answers, its functions and its package."""

from __future__ import annotations

import importlib
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs, urlsplit

import azure.functions as func
import pytest

from providers.azure.archive import ARCHIVE
from trigger.core import ClaimError, StartError

ENV = {
    "NODE_NAME": "alpha",
    "MODEL_ID": "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01",
    "TOKEN_SHA256": "3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7",  # of "data"
    "NODE_ENABLED": "1",
    "AZURE_CLIENT_ID": "client",
    "JOB_ID": "/subscriptions/s/resourceGroups/g/providers/Microsoft.App/jobs/alpha1a2b3c4d",
    "CLAIMS_URL": "https://claims.blob.core.windows.net/claims/alpha",
    "IDENTITY_ENDPOINT": "http://localhost:8081/msi/token",
    "IDENTITY_HEADER": "secret",
}
TEMPLATE = {
    "containers": [
        {
            "name": "node",
            "image": "r.azurecr.io/alpha@sha256:aa",
            "args": ["python", "predict.py"],
            "imageType": "ContainerImage",
            "resources": {"cpu": 2.0, "memory": "4Gi", "ephemeralStorage": "8Gi"},
            "env": [
                {"name": "NODE_NAME", "value": "alpha"},
                {"name": "RUN_ID", "value": "old"},
                {"name": "NUMERAI_PUBLIC_ID", "secretRef": "numerai-public-id"},
            ],
        }
    ]
}


class Azure:
    """Answers like the services, and records the requests in `calls`."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.calls: list[tuple[str, str, dict[str, str], bytes | None, float]] = []
        self.put_existing = 409
        self.start: tuple[int, bytes] = (200, json.dumps({"id": f"{ENV['JOB_ID']}/executions/x"}).encode())
        self.fail: Exception | None = None

    def call(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None, timeout: float = 5.0
    ) -> Any:
        self.calls.append((method, url, dict(headers), body, timeout))
        from trigger.azure import Answer

        parts = urlsplit(url)
        if parts.hostname == "localhost":
            token = f"token for {parse_qs(parts.query)['resource'][0]}"
            return Answer(200, json.dumps({"access_token": token, "expires_on": "99999999999"}).encode())
        if self.fail:
            raise self.fail
        if parts.hostname == "management.azure.com":
            if method == "GET":
                return Answer(200, json.dumps({"properties": {"template": TEMPLATE}}).encode())
            return Answer(*self.start)
        return Answer(*self._blob(method, parts.path.removeprefix("/claims/"), parse_qs(parts.query), body))

    def _blob(self, method: str, key: str, query: dict[str, list[str]], body: bytes | None) -> tuple[int, bytes]:
        if query.get("comp") == ["list"]:
            names = "".join(f"<Blob><Name>{k}</Name></Blob>" for k in self.blobs if k.startswith(query["prefix"][0]))
            return 200, f"<EnumerationResults><Blobs>{names}</Blobs><NextMarker /></EnumerationResults>".encode()
        if method == "PUT":
            if key in self.blobs:
                return self.put_existing, b"<Error><Code>No</Code></Error>"
            self.blobs[key] = body or b""
            return 201, b""
        return (200, self.blobs[key]) if key in self.blobs else (404, b"<Error><Code>BlobNotFound</Code></Error>")

    def asked(self, host: str) -> list[tuple[str, str, dict[str, str], bytes | None, float]]:
        return [call for call in self.calls if urlsplit(call[1]).hostname == host]


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch) -> Iterator[Azure]:
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)
    entry = importlib.import_module("trigger.azure")
    stub = Azure()
    monkeypatch.setattr(entry, "call", stub.call)
    entry._parts.cache_clear()
    yield stub
    entry._parts.cache_clear()


@pytest.fixture
def entry(azure: Azure) -> ModuleType:
    return importlib.import_module("trigger.azure")


def test_a_claim_is_made_once_by_an_atomic_creation(azure: Azure, entry: ModuleType) -> None:
    _, claims, _ = entry._parts()
    assert claims.create("run-1/1.claim", b"first") is True
    assert claims.create("run-1/1.claim", b"second") is False
    assert azure.blobs == {"alpha/run-1/1.claim": b"first"}
    _, _, headers, _, _ = azure.asked("claims.blob.core.windows.net")[0]
    assert headers["If-None-Match"] == "*"
    assert headers["Authorization"] == "Bearer token for https://storage.azure.com"


def test_a_service_that_refuses_the_overwrite_before_the_condition_means_taken(azure: Azure, entry: ModuleType) -> None:
    _, claims, _ = entry._parts()
    azure.put_existing = 403
    claims.create("run-1/1.claim", b"first")
    assert claims.create("run-1/1.claim", b"second") is False


def test_a_missing_right_is_no_taken_claim(azure: Azure, entry: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    _, claims, _ = entry._parts()
    monkeypatch.setattr(
        azure, "_blob", lambda *_: (403, b"<Error><Code>AuthorizationPermissionMismatch</Code></Error>")
    )
    with pytest.raises(ClaimError, match="403 AuthorizationPermissionMismatch"):
        claims.create("run-1/1.claim", b"first")
    with pytest.raises(ClaimError, match="could not be listed"):
        claims.list("run-1/")


def test_claims_are_listed_and_read_by_relative_keys(azure: Azure, entry: ModuleType) -> None:
    _, claims, _ = entry._parts()
    for key in ("run-1/1.claim", "run-1/1.started", "run-2/1.claim"):
        claims.create(key, key.encode())
    assert sorted(claims.list("run-1/")) == ["run-1/1.claim", "run-1/1.started"]
    assert claims.read("run-1/1.started") == b"run-1/1.started"
    with pytest.raises(ClaimError, match="404"):
        claims.read("run-3/1.claim")


def test_a_start_repeats_the_whole_container_and_adds_the_run(azure: Azure, entry: ModuleType) -> None:
    _, _, jobs = entry._parts()
    assert jobs.start("run-1-1", {"RUN_ID": "run-1", "TRIGGER_ID": "run-1"}) == f"{ENV['JOB_ID']}/executions/x"
    method, url, headers, body, _ = azure.asked("management.azure.com")[-1]
    assert (method, urlsplit(url).path) == ("POST", f"{ENV['JOB_ID']}/start")
    assert headers["Authorization"] == "Bearer token for https://management.azure.com"
    assert body is not None
    assert json.loads(body) == {
        "containers": [
            {
                "name": "node",
                "image": "r.azurecr.io/alpha@sha256:aa",
                "args": ["python", "predict.py"],
                "resources": {"cpu": 2.0, "memory": "4Gi"},
                "env": [
                    {"name": "NODE_NAME", "value": "alpha"},
                    {"name": "NUMERAI_PUBLIC_ID", "secretRef": "numerai-public-id"},
                    {"name": "RUN_ID", "value": "run-1"},
                    {"name": "TRIGGER_ID", "value": "run-1"},
                ],
            }
        ]
    }


def test_a_start_that_is_refused_or_hangs_is_a_start_error(azure: Azure, entry: ModuleType) -> None:
    _, _, jobs = entry._parts()
    azure.start = (403, b'{"error": {"code": "AuthorizationFailed", "message": "no"}}')
    with pytest.raises(StartError, match="could not be started: 403 AuthorizationFailed"):
        jobs.start("run-1-1", {})
    azure.fail = TimeoutError("timed out")
    with pytest.raises(StartError, match="did not answer: timed out"):
        jobs.start("run-1-1", {})


def test_an_accepted_start_without_a_body_names_the_job(azure: Azure, entry: ModuleType) -> None:
    azure.start = (202, b"")
    assert entry._parts()[2].start("run-1-1", {}) == ENV["JOB_ID"]


def test_tokens_are_asked_for_once_per_audience(azure: Azure, entry: ModuleType) -> None:
    _, claims, jobs = entry._parts()
    for number in range(3):
        claims.create(f"run-{number}/1.claim", b"")
        jobs.start("run", {})
    assert len(azure.asked("localhost")) == 2
    assert "client_id=client" in azure.asked("localhost")[0][1]
    assert azure.asked("localhost")[0][2] == {"X-IDENTITY-HEADER": "secret"}


def test_every_call_has_a_time_out_below_the_lease(azure: Azure, entry: ModuleType) -> None:
    entry._parts()[2].start("run", {})
    assert not [timeout for *_, timeout in azure.calls if not (0 < timeout <= 20)]


def webhook(entry: ModuleType, method: str, path: str, body: bytes = b"") -> func.HttpResponse:
    request = func.HttpRequest(method, f"https://alpha.azurewebsites.net{path}", body=body)
    answer = entry.webhook._function.get_user_function()(request)
    assert isinstance(answer, func.HttpResponse)
    return answer


def test_a_webhook_call_claims_and_starts_and_a_repeat_does_not(
    azure: Azure, entry: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    body = json.dumps(
        {"roundNumber": 371, "dataVersion": 1, "triggerId": "6f1d5f0a-9d53-4f3a-8e11-000000000001"}
    ).encode()
    first = webhook(entry, "POST", f"/pred/{ENV['MODEL_ID']}?token=data", body)
    again = webhook(entry, "POST", f"/pred/{ENV['MODEL_ID']}/data", body)
    assert first.status_code == 202, first.get_body()
    assert again.status_code == 200, again.get_body()
    assert [call[0] for call in azure.asked("management.azure.com")] == ["GET", "POST"]
    lines = [json.loads(record.message) for record in caplog.records if record.name == "trigger"]
    assert [line["http"] for line in lines] == [202, 200]
    assert "data" not in "".join(record.message for record in caplog.records if record.name == "trigger").replace(
        "dataVersion", ""
    )


def test_a_wrong_token_starts_nothing(azure: Azure, entry: ModuleType) -> None:
    assert webhook(entry, "POST", f"/pred/{ENV['MODEL_ID']}?token=other", b"{}").status_code == 401
    assert azure.calls == []


def test_a_tick_starts_the_schedule_s_time_once(
    azure: Azure, entry: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCHEDULE_CRON", "0 13 * * *")
    monkeypatch.setenv("SCHEDULE_TIMEZONE", "America/New_York")
    assert entry.tick(datetime(2026, 7, 14, 18, 0, 3, tzinfo=UTC)) is None
    assert entry.tick(datetime(2026, 7, 14, 17, 0, 3, tzinfo=UTC)).status == 202
    assert entry.tick(datetime(2026, 7, 14, 17, 4, 0, tzinfo=UTC)).status == 200


def unpack(folder: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(ARCHIVE.package())) as bundle:
        bundle.extractall(folder)
    return folder


def test_the_running_code_knows_the_digest_of_its_package(entry: ModuleType, tmp_path: Path) -> None:
    folder = unpack(tmp_path)
    assert entry.package_digest(folder) == ARCHIVE.digest()
    (folder / "core.py").write_text("# another core\n")
    assert entry.package_digest(folder) != ARCHIVE.digest()


def test_a_missing_file_is_another_package(entry: ModuleType, tmp_path: Path) -> None:
    folder = unpack(tmp_path)
    (folder / "cron.py").unlink()
    assert entry.package_digest(folder) != ARCHIVE.digest()
