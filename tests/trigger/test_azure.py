"""The Azure entry point: table, claims and job starts with the services' answers, its functions and its package."""

from __future__ import annotations

import importlib
import io
import json
import threading
import zipfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import azure.functions as func
import pytest

from providers.azure.archive import ARCHIVE
from tests.descriptions.every import require
from tests.trigger.watched import CLOSES, World
from trigger import http_call
from trigger.http_call import Answer
from trigger.starts import StartError
from trigger.table import Row, StoreError

MODEL, OTHER = "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01", "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c02"
HASH = "3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7"  # of "data"
JOB = "/subscriptions/s/resourceGroups/g/providers/Microsoft.App/jobs/alpha1a2b3c4d"
ENV = {
    "STORE_URL": "https://store.blob.core.windows.net/",
    "IDENTITY_ENDPOINT": "http://localhost:8081/msi/token",
    "IDENTITY_HEADER": "secret",
}
ROW = Row(MODEL, "alpha", HASH, JOB)
METADATA = {"node": "alpha", "model_id": MODEL, "token_sha256": HASH, "job": JOB, "enabled": "yes"}
CRON = {"cron": "0 13 * * *", "timezone": "America/New_York"}
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
Made = tuple[str, str, dict[str, str], bytes | None, float]


class Azure:
    """Answers like the services, and records the requests in `calls`."""

    def __init__(self) -> None:
        self.containers: dict[str, tuple[str, dict[str, str]]] = {
            "claims-alpha": ("Fri, 27 Nov 2026 10:00:00 GMT", METADATA)
        }
        self.blobs: dict[str, bytes] = {}
        self.executions: list[dict[str, Any]] = []
        self.calls: list[Made] = []
        self.page = 5000
        self.put_existing = 409
        self.starts: list[tuple[int, bytes] | Exception] = []
        self.faults: list[int | Exception] = []
        """The answers of the next calls to the storage account: a status without effect, or an error after it."""

    def call(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None, timeout: float = 5.0
    ) -> Answer:
        require(method, url, headers, body)
        self.calls.append((method, url, dict(headers), body, timeout))
        parts = urlsplit(url)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.hostname == "localhost":
            token = {"access_token": f"token for {query['resource']}", "expires_on": "99999999999"}
            return Answer(200, json.dumps(token).encode())
        if parts.hostname == "management.azure.com":
            return self._manage(method, parts.path, query)
        fault = self.faults.pop(0) if self.faults else None
        if isinstance(fault, int):
            return Answer(fault, b"<Error><Code>ServerBusy</Code></Error>")
        answer = self._blob(method, unquote(parts.path).lstrip("/"), query, body)
        if fault:
            raise fault
        return answer

    def _manage(self, method: str, path: str, query: dict[str, str]) -> Answer:
        if method == "POST":
            start = self.starts.pop(0) if self.starts else (200, json.dumps({"id": f"{JOB}/executions/x"}).encode())
            if isinstance(start, Exception):
                raise start
            return Answer(*start)
        if path.endswith("/executions"):
            begin = int(query.get("$skipToken", 0))
            page: dict[str, Any] = {"value": self.executions[begin : begin + 2]}
            if begin + 2 < len(self.executions):
                page["nextLink"] = f"https://management.azure.com{path}?api-version=2025-01-01&$skipToken={begin + 2}"
            return Answer(200, json.dumps(page).encode())
        return Answer(200, json.dumps({"properties": {"template": TEMPLATE}}).encode())

    def _blob(self, method: str, key: str, query: dict[str, str], body: bytes | None) -> Answer:
        if query.get("comp") == "list" and not key:
            return self._list_page("Container", [self._container(name) for name in sorted(self.containers)], query)
        if query.get("comp") == "list":
            prefix = f"{key}/{query.get('prefix', '')}"
            names = [name.removeprefix(f"{key}/") for name in self.blobs if name.startswith(prefix)]
            return self._list_page("Blob", [f"<Blob><Name>{name}</Name></Blob>" for name in names], query)
        if method == "PUT":
            if key in self.blobs:
                return Answer(self.put_existing, b"<Error><Code>No</Code></Error>")
            self.blobs[key] = body or b""
            return Answer(201, b"")
        if key in self.blobs:
            return Answer(200, self.blobs[key])
        return Answer(404, b"<Error><Code>BlobNotFound</Code></Error>")

    def _container(self, name: str) -> str:
        changed, metadata = self.containers[name]
        columns = "".join(f"<{key}>{value}</{key}>" for key, value in metadata.items())
        properties = f"<Properties><Last-Modified>{changed}</Last-Modified></Properties>"
        return f"<Container><Name>{name}</Name>{properties}<Metadata>{columns}</Metadata></Container>"

    def _list_page(self, what: str, items: list[str], query: dict[str, str]) -> Answer:
        begin = int(query.get("marker") or 0)
        end = begin + self.page
        marker = f"<NextMarker>{end}</NextMarker>" if end < len(items) else "<NextMarker />"
        listed = f"<{what}s>{''.join(items[begin:end])}</{what}s>"
        return Answer(200, f"<EnumerationResults>{listed}{marker}</EnumerationResults>".encode())

    def list_calls(self, host: str) -> list[Made]:
        return [call for call in self.calls if urlsplit(call[1]).hostname == host]


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch) -> Iterator[Azure]:
    entry = importlib.import_module("trigger.azure")
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)
    stub = Azure()
    monkeypatch.setattr(http_call, "call", stub.call)
    monkeypatch.setattr(entry, "call", stub.call)
    monkeypatch.setattr("trigger.http_call.time.sleep", lambda _: None)
    for cached in (entry.open_trigger, entry.open_schedules):
        cached.cache_clear()
    yield stub
    for cached in (entry.open_trigger, entry.open_schedules):
        cached.cache_clear()


@pytest.fixture
def entry(azure: Azure) -> ModuleType:
    return importlib.import_module("trigger.azure")


@pytest.fixture
def store(azure: Azure, entry: ModuleType) -> Any:
    return entry.BlobStore(ENV["STORE_URL"], entry.Identity(ENV))


@pytest.fixture
def jobs(azure: Azure, entry: ModuleType) -> Any:
    return entry.ContainerApps(entry.Identity(ENV))


def test_rows_are_the_metadata_of_the_containers(azure: Azure, store: Any) -> None:
    azure.containers["claims-beta"] = ("Fri, 27 Nov 2026 09:00:00 GMT", METADATA | CRON | {"node": "beta"})
    azure.containers["claims-other"] = ("Fri, 27 Nov 2026 09:00:00 GMT", {"color": "blue"})
    azure.page = 1
    assert store.read_rows() == [Row(MODEL, "beta", HASH, JOB, cron=CRON["cron"], timezone=CRON["timezone"]), ROW]
    calls = azure.list_calls("store.blob.core.windows.net")
    assert len(calls) == 3, "one call per page"
    query = parse_qs(urlsplit(calls[0][1]).query)
    assert (query["include"], query["prefix"]) == (["metadata"], ["claims-"])
    assert calls[0][2]["Authorization"] == "Bearer token for https://storage.azure.com"


def test_the_newest_row_of_a_model_counts(azure: Azure, entry: ModuleType) -> None:
    azure.containers["claims-zeta"] = ("Fri, 27 Nov 2026 09:59:59 GMT", METADATA | {"node": "zeta"})
    assert [row.node for row in entry.open_trigger().list_rows()] == ["alpha"]


def test_a_claim_is_made_once_by_an_atomic_creation(azure: Azure, store: Any) -> None:
    assert store.create("alpha/run-1/1.claim", b"first") is True
    assert store.create("alpha/run-1/1.claim", b"second") is False
    assert azure.blobs == {"claims-alpha/run-1/1.claim": b"first"}
    _, _, headers, _, _ = azure.list_calls("store.blob.core.windows.net")[0]
    assert headers["If-None-Match"] == "*"


@pytest.mark.parametrize("put_existing", [403, 409, 412])
@pytest.mark.parametrize("lost", [TimeoutError("timed out"), ConnectionResetError()])
def test_a_claim_whose_answer_was_lost_is_recognised(
    azure: Azure, store: Any, put_existing: int, lost: Exception
) -> None:
    azure.put_existing, azure.faults = put_existing, [lost]
    assert store.create("alpha/run-1/1.claim", b"mine") is True
    azure.blobs["claims-alpha/run-2/1.claim"] = b"another's"
    azure.faults = [lost]
    assert store.create("alpha/run-2/1.claim", b"mine") is False


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_store_is_asked_again(azure: Azure, store: Any, status: int) -> None:
    azure.faults = [status, status]
    assert store.create("alpha/run-1/1.claim", b"first") is True
    azure.faults = [status]
    assert store.list("alpha/run-1/") == ["alpha/run-1/1.claim"]
    azure.faults = [status] * 3
    with pytest.raises(StoreError, match=f"{status} ServerBusy"):
        store.read_rows()


def test_a_service_that_refuses_the_overwrite_before_the_condition_means_taken(azure: Azure, store: Any) -> None:
    azure.put_existing = 403
    store.create("alpha/run-1/1.claim", b"first")
    assert store.create("alpha/run-1/1.claim", b"second") is False


def test_a_missing_permission_is_not_a_taken_claim(azure: Azure, store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = Answer(403, b"<Error><Code>AuthorizationPermissionMismatch</Code></Error>")
    monkeypatch.setattr(azure, "_blob", lambda *_: refusal)
    with pytest.raises(StoreError, match="403 AuthorizationPermissionMismatch"):
        store.create("alpha/run-1/1.claim", b"first")
    with pytest.raises(StoreError, match="the claims could not be listed"):
        store.list("alpha/run-1/")
    with pytest.raises(StoreError, match="the table could not be listed"):
        store.read_rows()


def test_claims_are_listed_and_read_by_their_keys(azure: Azure, store: Any) -> None:
    for key in ("alpha/run-1/1.claim", "alpha/run-1/1.started", "alpha/run-2/1.claim", "beta/run-1/1.claim"):
        store.create(key, key.encode())
    azure.page = 1
    assert sorted(store.list("alpha/run-1/")) == ["alpha/run-1/1.claim", "alpha/run-1/1.started"]
    assert store.read("alpha/run-1/1.started") == b"alpha/run-1/1.started"
    with pytest.raises(StoreError, match="404"):
        store.read("alpha/run-3/1.claim")


def test_a_start_repeats_the_whole_container_and_adds_the_run(azure: Azure, jobs: Any) -> None:
    assert jobs.start(ROW, "run-1-1", {"RUN_ID": "run-1", "TRIGGER_ID": "run-1"}) == f"{JOB}/executions/x"
    method, url, headers, body, _ = azure.list_calls("management.azure.com")[-1]
    assert (method, urlsplit(url).path) == ("POST", f"{JOB}/start")
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


@pytest.mark.parametrize(
    ("answer", "message", "unclear", "busy"),
    [
        ((403, b'{"error": {"code": "AuthorizationFailed"}}'), "403 AuthorizationFailed", False, False),
        ((429, b""), "could not be started: 429", False, True),
        ((503, b""), "could not be started: 503", True, True),
        ((500, b""), "could not be started: 500", True, False),
        ((200, b"<html>"), "did not answer as expected", True, False),
        ((200, b"[]"), "did not answer as expected", True, False),
        (TimeoutError("timed out"), "timed out", True, False),
    ],
)
def test_a_failed_start_says_whether_the_job_may_run(
    azure: Azure, jobs: Any, answer: tuple[int, bytes] | Exception, message: str, unclear: bool, busy: bool
) -> None:
    azure.starts = [answer]
    with pytest.raises(StartError, match=message) as raised:
        jobs.start(ROW, "run-1-1", {})
    assert (raised.value.unclear, raised.value.busy) == (unclear, busy)
    assert len([call for call in azure.calls if call[0] == "POST"]) == 1


def test_an_accepted_start_without_a_body_names_the_job(azure: Azure, jobs: Any) -> None:
    azure.starts = [(202, b"")]
    assert jobs.start(ROW, "run-1-1", {}) == JOB


def make_execution(number: int, **env: str) -> dict[str, Any]:
    variables = [*({"name": name, "value": value} for name, value in env.items()), {"name": "K", "secretRef": "k"}]
    template = {"containers": [{"name": "node", "image": "i", "env": variables}]}
    return {"id": f"{JOB}/executions/{number}", "name": f"{number}", "properties": {"template": template}}


def test_an_execution_is_found_by_its_run_id_on_any_page(azure: Azure, jobs: Any) -> None:
    azure.executions = [make_execution(number, RUN_ID=f"run-{number}") for number in range(7)]
    azure.executions.insert(0, {"id": "x", "name": "x", "properties": {}})
    assert jobs.find(ROW, "run-6") == f"{JOB}/executions/6"
    assert jobs.find(ROW, "run-0") == f"{JOB}/executions/0"
    assert jobs.find(ROW, "run-") is None


def test_a_token_is_not_sent_to_a_link_elsewhere(azure: Azure, jobs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    page = {"value": [], "nextLink": "https://management.azure.com.example/x"}
    monkeypatch.setattr(azure, "_manage", lambda *_: Answer(200, json.dumps(page).encode()))
    assert jobs.find(ROW, "run-1") is None
    assert {urlsplit(call[1]).hostname for call in azure.calls} == {"localhost", "management.azure.com"}


def test_tokens_are_requested_once_per_audience_for_the_app_s_own_identity(azure: Azure, entry: ModuleType) -> None:
    identity = entry.Identity(ENV)
    store, jobs = entry.BlobStore(ENV["STORE_URL"], identity), entry.ContainerApps(identity)
    for number in range(3):
        store.create(f"alpha/run-{number}/1.claim", b"")
        jobs.start(ROW, "run", {})
    assert len(azure.list_calls("localhost")) == 2
    assert "client_id" not in azure.list_calls("localhost")[0][1]
    assert azure.list_calls("localhost")[0][2] == {"X-IDENTITY-HEADER": "secret"}


def test_every_call_has_a_time_out_below_the_lease(azure: Azure, jobs: Any) -> None:
    jobs.start(ROW, "run", {})
    assert not [timeout for *_, timeout in azure.calls if not (0 < timeout <= 20)]


def webhook(entry: ModuleType, method: str, path: str, body: bytes = b"") -> func.HttpResponse:
    request = func.HttpRequest(method, f"https://trigger.azurewebsites.net{path}", body=body)
    answer = entry.webhook._function.get_user_function()(request)
    assert isinstance(answer, func.HttpResponse)
    return answer


BODY = json.dumps({"roundNumber": 371, "dataVersion": 1, "triggerId": "6f1d5f0a-9d53-4f3a-8e11-000000000001"}).encode()


def test_a_webhook_call_claims_and_starts_and_a_repeat_does_not(
    azure: Azure, entry: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    first = webhook(entry, "POST", f"/pred/{MODEL}?token=data", BODY)
    again = webhook(entry, "POST", f"/pred/{MODEL}/data", BODY)
    assert first.status_code == 202, first.get_body()
    assert again.status_code == 200, again.get_body()
    assert [call[0] for call in azure.list_calls("management.azure.com")] == ["GET", "POST"]
    lines = [json.loads(record.message) for record in caplog.records if record.name == "trigger"]
    assert [(line["node"], line["http"]) for line in lines] == [("alpha", 202), ("alpha", 200)]
    assert "data" not in "".join(record.message for record in caplog.records if record.name == "trigger").replace(
        "dataVersion", ""
    )


def test_a_start_whose_answer_is_lost_is_looked_up_and_not_repeated(azure: Azure, entry: ModuleType) -> None:
    azure.starts = [TimeoutError("timed out")]
    azure.executions = [make_execution(1, RUN_ID="6f1d5f0a-9d53-4f3a-8e11-000000000001")]
    answer = webhook(entry, "POST", f"/pred/{MODEL}?token=data", BODY)
    assert answer.status_code == 202, answer.get_body()
    assert json.loads(answer.get_body())["job"] == f"{JOB}/executions/1"
    assert len([call for call in azure.calls if call[0] == "POST"]) == 1


def test_a_wrong_token_starts_nothing(azure: Azure, entry: ModuleType) -> None:
    assert webhook(entry, "POST", f"/pred/{MODEL}?token=other", b"{}").status_code == 401
    assert webhook(entry, "POST", f"/pred/{OTHER}?token=data", b"{}").status_code == 404
    assert azure.list_calls("management.azure.com") == []
    assert azure.blobs == {}


def test_health_says_whether_a_model_is_served(azure: Azure, entry: ModuleType) -> None:
    assert json.loads(webhook(entry, "GET", f"/health/{MODEL}").get_body())["node"] == "alpha"
    assert webhook(entry, "GET", f"/health/{OTHER}").status_code == 404


def at(hour: int, minute: int, second: int = 3) -> datetime:
    return datetime(2026, 7, 14, hour, minute, second, tzinfo=UTC)


def tick(entry: ModuleType, when: datetime) -> list[int]:
    return [response.status for response in entry.open_schedules().tick(when)]


@pytest.fixture
def scheduled(azure: Azure) -> Azure:
    """Let alpha run at 13:00 in New York, which is 17:00 UTC in July."""
    azure.containers["claims-alpha"] = (azure.containers["claims-alpha"][0], METADATA | CRON)
    return azure


def test_a_tick_starts_the_runs_that_are_due_once(scheduled: Azure, entry: ModuleType) -> None:
    other = METADATA | {"node": "beta", "model_id": OTHER, "cron": "1 17 * * *", "timezone": "UTC"}
    scheduled.containers["claims-beta"] = ("Fri, 27 Nov 2026 10:00:00 GMT", other)
    assert tick(entry, at(16, 59)) == []
    assert tick(entry, at(17, 0, 0)) == [202]
    assert tick(entry, at(17, 0, 59)) == []
    assert tick(entry, at(17, 1)) == [202]
    assert tick(entry, at(17, 2)) == []
    assert tick(entry, at(18, 0)) == [], "the hour of winter time"
    assert len([call for call in scheduled.calls if call[0] == "POST"]) == 2


def test_a_new_process_catches_up_and_starts_nothing_twice(scheduled: Azure, entry: ModuleType) -> None:
    assert tick(entry, at(17, 9)) == [202], "nine minutes late"
    entry.open_trigger.cache_clear()
    entry.open_schedules.cache_clear()
    assert tick(entry, at(17, 10)) == [200]
    assert tick(entry, at(17, 11)) == []
    entry.open_schedules.cache_clear()
    assert tick(entry, at(17, 16)) == []


def test_a_failed_start_is_tried_again_at_the_next_ticks(scheduled: Azure, entry: ModuleType) -> None:
    scheduled.starts = [(403, b""), (403, b"")]
    assert [tick(entry, at(17, minute)) for minute in range(4)] == [[502], [502], [202], []]


def test_a_disabled_node_and_an_unknown_time_zone_stop_no_other_node(
    scheduled: Azure, entry: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    changed = "Fri, 27 Nov 2026 10:00:00 GMT"
    broken = METADATA | CRON | {"node": "beta", "model_id": OTHER, "timezone": "Moon/Base"}
    scheduled.containers["claims-beta"] = (changed, broken)
    scheduled.containers["claims-off"] = (changed, METADATA | CRON | {"model_id": "off", "enabled": "no"})
    assert tick(entry, at(17, 0)) == [202]
    assert "beta: the schedule cannot be read" in caplog.text


def test_the_timer_is_independent_of_the_nodes(entry: ModuleType) -> None:
    timer = entry.schedule._function.get_trigger().get_dict_repr()
    assert timer["schedule"] == "0 * * * * *"
    entry.schedule._function.get_user_function()(None)


class Call:
    """The context of a call. Azure's worker loses each line of a thread whose local storage does not name a call."""

    invocation_id, thread_local_storage = "call-1", threading.local()


def test_what_the_threads_of_a_pass_log_belongs_to_the_timer_s_call(
    entry: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, calls = World(), list[str]()
    world.trigger._log = lambda _line: calls.append(getattr(Call.thread_local_storage, "invocation_id", "lost"))
    world.clock = CLOSES + 60
    monkeypatch.setattr(entry, "_open_watch", lambda: world.watch)
    entry.watch._function.get_user_function()(None, Call())
    assert calls == ["call-1"], "the line which says that the round was missed"


def unpack(folder: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(ARCHIVE.package())) as bundle:
        bundle.extractall(folder)
    return folder


def test_the_running_code_knows_the_digest_of_its_package(entry: ModuleType, tmp_path: Path) -> None:
    folder = unpack(tmp_path)
    assert entry.hash_package(folder) == ARCHIVE.digest()
    (folder / "trigger/core.py").write_text("# another core\n")
    assert entry.hash_package(folder) != ARCHIVE.digest()


def test_a_missing_file_is_another_package(entry: ModuleType, tmp_path: Path) -> None:
    folder = unpack(tmp_path)
    (folder / "trigger/cron.py").unlink()
    assert entry.hash_package(folder) != ARCHIVE.digest()
