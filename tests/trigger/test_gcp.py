"""The Google Cloud entry point: table, claims and job starts with the services' answers, and its function."""

from __future__ import annotations

import importlib
import json
import time
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import flask
import pytest

from tests.descriptions.every import require
from trigger import http_call
from trigger.gcp import CloudRun, Identity, StorageStore
from trigger.http_call import Answer
from trigger.starts import StartError
from trigger.table import Row, StoreError

PARENT = "projects/p/locations/us-central1"
JOB = f"{PARENT}/jobs/alpha-1a2b3c4"
EXECUTION = f"{JOB}/executions/alpha-1a2b3c4-x7k2p"
MODEL = "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01"
SHA256_OF_DATA = "3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7"
ROW = Row(MODEL, "alpha", SHA256_OF_DATA, "alpha-1a2b3c4")
OBJECTS = "https://storage.googleapis.com/storage/v1/b/bucket/o"
UPLOAD = "https://storage.googleapis.com/upload/storage/v1/b/bucket/o"


def error(status: int, message: str) -> tuple[int, bytes]:
    return status, json.dumps({"error": {"code": status, "message": message, "status": "X"}}).encode()


class Google:
    """Answers like the services, and records the requests in `calls`. `faults` are raised or answered first, by host.

    A fault of None has the call's effect and then breaks the connection off.
    """

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.updated: dict[str, str] = {}
        self.executions: list[dict[str, Any]] = []
        self.calls: list[tuple[str, str, dict[str, str], bytes | None, float]] = []
        self.taken = error(412, "At least one of the pre-conditions you specified did not hold.")
        self.run: tuple[int, bytes] = (200, json.dumps({"name": "op", "metadata": {"name": EXECUTION}}).encode())
        self.faults: dict[str, list[tuple[int, bytes] | None]] = {}
        self.expires_in = 3599
        self.page = 1000

    def call(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None, timeout: float = 5.0
    ) -> Answer:
        require(method, url, headers, body)
        self.calls.append((method, url, dict(headers), body, timeout))
        host = str(urlsplit(url).hostname)
        faults = self.faults.get(host, [])
        fault = faults.pop(0) if faults else (0, b"")
        if fault and fault[0]:
            return Answer(*fault)
        answer = Answer(*self._answer(host, method, url, body))
        if fault is None:
            raise TimeoutError("timed out")
        return answer

    def _answer(self, host: str, method: str, url: str, body: bytes | None) -> tuple[int, bytes]:
        if host == "metadata.google.internal":
            token = {"access_token": f"token-{len(self.list_calls(host))}", "expires_in": self.expires_in}
            return 200, json.dumps(token).encode()
        if host == "storage.googleapis.com":
            return self._storage(method, url, body)
        return self.run if method == "POST" else self._list_executions(url)

    def _list_executions(self, url: str) -> tuple[int, bytes]:
        query = parse_qs(urlsplit(url).query)
        start, size = int(query.get("pageToken", ["0"])[0]), int(query["pageSize"][0])
        more = {"nextPageToken": str(start + size)} if start + size < len(self.executions) else {}
        return 200, json.dumps({"executions": self.executions[start : start + size], **more}).encode()

    def _storage(self, method: str, url: str, body: bytes | None) -> tuple[int, bytes]:
        base, query = url.split("?")[0], {key: values[0] for key, values in parse_qs(urlsplit(url).query).items()}
        if method == "POST":
            assert (base, query["uploadType"], query["ifGenerationMatch"]) == (UPLOAD, "media", "0")
            if query["name"] in self.objects:
                return self.taken
            self.objects[query["name"]] = body or b""
            return 200, json.dumps({"name": query["name"]}).encode()
        if base == OBJECTS:
            assert query["fields"] == "items(name,updated),nextPageToken"
            keys = sorted(key for key in self.objects if key.startswith(query["prefix"]))
            start = int(query.get("pageToken") or 0)
            items = [{"name": key, "updated": self.updated.get(key, "")} for key in keys[start : start + self.page]]
            more = {"nextPageToken": str(start + self.page)} if start + self.page < len(keys) else {}
            return 200, json.dumps({**({"items": items} if items else {}), **more}).encode()
        key = unquote(base.removeprefix(f"{OBJECTS}/"))
        if key not in self.objects:
            return error(404, f"No such object: bucket/{key}")
        return 200, self.objects[key] if query.get("alt") == "media" else b"{}"

    def add_row(self, row: Row, updated: str = "2026-11-27T10:00:00.000Z") -> None:
        """Write a row."""
        name = f"table/{row.write_key()}"
        self.objects[name], self.updated[name] = b"a row", updated

    def add_execution(self, name: str, run_id: str, age: float = 0) -> None:
        """List an execution after the others."""
        created = time.strftime("%Y-%m-%dT%H:%M:%S.123456Z", time.gmtime(time.time() - age))
        env = [{"name": "KEY", "valueSource": {}}, {"name": "RUN_ID", "value": run_id}]
        self.executions.append({"name": name, "createTime": created, "template": {"containers": [{"env": env}]}})

    def list_calls(self, host: str) -> list[tuple[str, str, dict[str, str], bytes | None, float]]:
        """Return the calls of a host."""
        return [call for call in self.calls if urlsplit(call[1]).hostname == host]


STORAGE, RUN, METADATA = "storage.googleapis.com", "run.googleapis.com", "metadata.google.internal"


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch) -> Google:
    stub = Google()
    monkeypatch.setattr(http_call, "call", stub.call)
    monkeypatch.setattr(http_call, "PAUSES", (0.0, 0.0))
    return stub


@pytest.fixture
def store(google: Google) -> StorageStore:
    return StorageStore("bucket", Identity())


@pytest.fixture
def jobs(google: Google) -> CloudRun:
    return CloudRun(PARENT, Identity())


@pytest.fixture
def entry(google: Google, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    for name, value in {"PACKAGE": "digest", "BUCKET": "bucket", "PARENT": PARENT}.items():
        monkeypatch.setenv(name, value)
    google.add_row(ROW)
    module = importlib.import_module("trigger.gcp")
    module.build_trigger.cache_clear()
    yield module
    module.build_trigger.cache_clear()


def test_the_table_is_the_names_of_its_objects_and_the_last_written_row_comes_last(
    google: Google, store: StorageStore
) -> None:
    beta, disabled = ROW._replace(model_id="m", node="beta"), ROW._replace(enabled="no")
    google.add_row(disabled, "2026-11-27T10:00:00.002Z")
    google.add_row(beta, "2026-11-27T10:00:00.003Z")
    google.add_row(ROW, "2026-11-27T10:00:00.001Z")
    google.objects |= {"table/of/a/later/version": b"", "claims/alpha/run-1/1.claim": b""}
    google.page = 1
    assert list(store.read_rows()) == [ROW, disabled, beta]


def test_a_name_needs_no_escapes(google: Google) -> None:
    assert ROW.write_key() == f"{MODEL}/alpha/{SHA256_OF_DATA}/alpha-1a2b3c4/-/yes/-/-/-/-/-"


def test_a_claim_is_made_once_by_an_atomic_creation(google: Google, store: StorageStore) -> None:
    assert store.create("alpha/run-1/1.claim", b"first") is True
    assert store.create("alpha/run-1/1.claim", b"second") is False
    assert google.objects == {"claims/alpha/run-1/1.claim": b"first"}
    assert google.list_calls(STORAGE)[0][2]["Authorization"] == "Bearer token-1"


def test_a_service_that_refuses_the_overwrite_before_the_condition_means_taken(
    google: Google, store: StorageStore
) -> None:
    google.taken = error(403, "trigger does not have storage.objects.delete access")
    store.create("alpha/run-1/1.claim", b"first")
    assert store.create("alpha/run-1/1.claim", b"second") is False


def test_a_missing_right_is_no_taken_claim(
    google: Google, store: StorageStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(google, "_storage", lambda *_: error(403, "trigger does not have storage.objects.create"))
    with pytest.raises(StoreError, match="could not be written: 403 trigger does not have"):
        store.create("alpha/run-1/1.claim", b"first")
    with pytest.raises(StoreError, match="claims/alpha/run-1/ could not be listed: 403"):
        store.list("alpha/run-1/")
    with pytest.raises(StoreError, match="table/ could not be listed: 403"):
        store.read_rows()


@pytest.mark.parametrize("fault", [error(429, "slow down"), error(503, "busy"), None])
def test_a_creation_that_is_repeated_knows_its_own_object(
    google: Google, store: StorageStore, fault: tuple[int, bytes] | None
) -> None:
    google.faults[STORAGE] = [fault]
    assert store.create("alpha/run-1/1.claim", b"ours") is True
    google.objects["claims/alpha/run-2/1.claim"] = b"theirs"
    google.faults[STORAGE] = [fault]
    assert store.create("alpha/run-2/1.claim", b"ours") is False


def test_a_store_that_stays_away_is_a_store_error(google: Google, store: StorageStore) -> None:
    google.faults[STORAGE] = [error(503, "busy")] * 3
    with pytest.raises(StoreError, match="could not be read: 503 busy"):
        store.read("alpha/run-1/1.claim")
    google.faults[STORAGE] = [None] * 3
    with pytest.raises(StoreError, match="the store did not answer: timed out"):
        store.list("alpha/run-1/")
    google.faults[METADATA] = [error(503, "busy")] * 3
    with pytest.raises(StoreError, match="the metadata server answered 503"):
        StorageStore("bucket", Identity()).list("alpha/run-1/")


def test_claims_are_listed_page_by_page_and_read_by_relative_keys(google: Google, store: StorageStore) -> None:
    google.page = 2
    keys = [f"alpha/run-1/{number}.claim" for number in range(1, 6)]
    for key in [*keys, "alpha/run-2/1.claim", "beta/run-1/1.claim"]:
        store.create(key, key.encode())
    assert store.list("alpha/run-1/") == keys
    assert store.list("alpha/run-3/") == []
    assert store.read("alpha/run-1/3.claim") == b"alpha/run-1/3.claim"
    with pytest.raises(StoreError, match="404 No such object"):
        store.read("alpha/run-3/1.claim")


def test_a_start_adds_variables_and_nothing_else(google: Google, jobs: CloudRun) -> None:
    assert jobs.start(ROW, "run-1-1", {"RUN_ID": "run-1", "TRIGGER_ID": "run-1"}) == EXECUTION
    ((method, url, headers, body, _),) = google.list_calls(RUN)
    assert (method, url) == ("POST", f"https://run.googleapis.com/v2/{JOB}:run")
    assert headers["Authorization"] == "Bearer token-1"
    env = [{"name": "RUN_ID", "value": "run-1"}, {"name": "TRIGGER_ID", "value": "run-1"}]
    assert json.loads(body or b"") == {"overrides": {"containerOverrides": [{"env": env}]}}


def test_a_start_without_an_execution_s_name_gives_the_operation_s(google: Google, jobs: CloudRun) -> None:
    google.run = (200, b'{"name": "projects/p/locations/l/operations/o"}')
    assert jobs.start(ROW, "run-1-1", {}) == "projects/p/locations/l/operations/o"


@pytest.mark.parametrize(
    ("fault", "sentence", "unclear", "busy"),
    [
        (error(403, "Permission denied"), "could not be started: 403 Permission denied", False, False),
        (error(429, "slow down"), "could not be started: 429 slow down", False, True),
        (error(503, "busy"), "could not be started: 503 busy", True, True),
        (error(500, "oh"), "could not be started: 500 oh", True, False),
        ((200, b"<html>"), "was not understood", True, False),
        ((200, b"[]"), "was not understood", True, False),
        (None, "did not answer: timed out", True, False),
    ],
)
def test_a_start_that_failed_says_whether_it_may_have_happened(
    google: Google, jobs: CloudRun, fault: tuple[int, bytes] | None, sentence: str, unclear: bool, busy: bool
) -> None:
    google.faults[RUN] = [fault]
    with pytest.raises(StartError, match=sentence) as caught:
        jobs.start(ROW, "run-1-1", {})
    assert (caught.value.unclear, caught.value.busy) == (unclear, busy)
    assert len(google.list_calls(RUN)) == 1, "starts are repeated by trigger.starts, which looks the job up before"


def test_without_a_token_nothing_was_started(google: Google, jobs: CloudRun) -> None:
    google.faults[METADATA] = [None] * 3
    with pytest.raises(StartError, match="no token: timed out") as caught:
        jobs.start(ROW, "run-1-1", {})
    assert not caught.value.unclear


def test_a_job_is_found_by_its_run_id_among_the_recent_executions(google: Google, jobs: CloudRun) -> None:
    for number in range(250):
        google.add_execution(f"{JOB}/executions/{number}", f"run-{number}", age=number)
    assert jobs.find(ROW, "run-249") == f"{JOB}/executions/249"
    assert jobs.find(ROW, "run-1000") is None
    assert len(google.list_calls(RUN)) == 6
    assert google.list_calls(RUN)[0][1].startswith(f"https://run.googleapis.com/v2/{JOB}/executions?pageSize=100")


def test_executions_of_last_week_are_not_read(google: Google, jobs: CloudRun) -> None:
    for number in range(250):
        google.add_execution(f"{JOB}/executions/{number}", f"run-{number}", age=number * 3 * 24 * 3600)
    assert jobs.find(ROW, "run-0") == f"{JOB}/executions/0"
    assert jobs.find(ROW, "run-1") is None
    assert len(google.list_calls(RUN)) == 2


def test_a_job_that_never_ran_has_no_executions(google: Google, jobs: CloudRun) -> None:
    google.faults[RUN] = [(200, b"{}")]
    assert jobs.find(ROW, "run-1") is None


def test_a_look_up_that_fails_is_a_start_error(google: Google, jobs: CloudRun) -> None:
    google.faults[RUN] = [error(403, "denied")]
    with pytest.raises(StartError, match="could not be listed: 403 denied"):
        jobs.find(ROW, "run-1")
    google.faults[RUN] = [None] * 3
    with pytest.raises(StartError, match="did not list the job's executions: timed out"):
        jobs.find(ROW, "run-1")


def test_the_token_is_asked_for_once_while_it_is_good(google: Google) -> None:
    identity = Identity()
    store, jobs = StorageStore("bucket", identity), CloudRun(PARENT, identity)
    for number in range(3):
        store.create(f"alpha/run-{number}/1.claim", b"")
        jobs.start(ROW, "run", {})
    ((_, url, headers, _, _),) = google.list_calls(METADATA)
    assert url == "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token"
    assert headers == {"Metadata-Flavor": "Google"}


def test_a_token_that_is_about_to_expire_is_replaced(google: Google, store: StorageStore) -> None:
    google.expires_in = 60
    store.create("alpha/run-1/1.claim", b"")
    store.create("alpha/run-2/1.claim", b"")
    sent = [call[2]["Authorization"] for call in google.list_calls(STORAGE)]
    assert sent == ["Bearer token-1", "Bearer token-2"]


def webhook(entry: ModuleType, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, dict[str, Any]]:
    app = flask.Flask("function")
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    with app.test_request_context(path, method=method, data=body, headers=sent):
        text, status, _ = entry.webhook(flask.request)
    answer: dict[str, Any] = json.loads(text)
    return status, answer


TRIGGER = "6f1d5f0a-9d53-4f3a-8e11-000000000001"
BODY = json.dumps({"roundNumber": 371, "dataVersion": 1, "triggerId": TRIGGER}).encode()


def test_every_call_has_a_time_out_below_the_function_s_own(google: Google, entry: ModuleType) -> None:
    webhook(entry, "POST", f"/pred/{MODEL}?token=data", BODY)
    assert sum(timeout for *_, timeout in google.calls) < 60
    assert not [timeout for *_, timeout in google.calls if timeout <= 0]


def test_a_webhook_call_claims_and_starts_and_a_repeat_does_not(
    google: Google, entry: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    first = webhook(entry, "POST", f"/pred/{MODEL}?token=data", BODY)
    again = webhook(entry, "POST", f"/pred/{MODEL}/data", BODY)
    assert (first[0], first[1]["job"]) == (202, EXECUTION)
    assert (again[0], again[1]["job"]) == (200, EXECUTION)
    assert len(google.list_calls(RUN)) == 1
    printed = capsys.readouterr().out.splitlines()
    assert [(json.loads(line)["http"], json.loads(line)["node"]) for line in printed] == [
        (202, "alpha"),
        (200, "alpha"),
    ]
    assert "data" not in "".join(printed)


def test_a_start_whose_answer_is_lost_is_looked_up(google: Google, entry: ModuleType) -> None:
    google.faults[RUN] = [None]
    google.add_execution(EXECUTION, TRIGGER)
    status, answer = webhook(entry, "POST", f"/pred/{MODEL}?token=data", BODY)
    assert (status, answer["status"], answer["job"]) == (202, "started", EXECUTION)
    assert [call[0] for call in google.list_calls(RUN)] == ["POST", "GET"]


def test_a_refused_start_is_marked_and_may_be_repeated(google: Google, entry: ModuleType) -> None:
    good, google.run = google.run, error(404, "no such job")
    status, answer = webhook(entry, "POST", f"/pred/{MODEL}?token=data", BODY)
    assert (status, answer["status"]) == (502, "failed")
    google.run = good
    status, answer = webhook(entry, "POST", f"/pred/{MODEL}?token=data", BODY)
    assert (status, answer["attempt"]) == (202, 2)
    assert f"claims/alpha/{TRIGGER}/1.failed" in google.objects


def test_a_schedule_s_time_is_claimed_once(google: Google, entry: ModuleType) -> None:
    path, token = f"/schedule/{MODEL}", {"X_Trigger_Token": "data"}
    when = {"X_CloudScheduler_ScheduleTime": "2026-07-14T17:00:00Z"}
    assert webhook(entry, "POST", path, b"{}", **token, **when)[0] == 202
    assert webhook(entry, "POST", path, b"{}", **token, **when)[0] == 200
    assert webhook(entry, "POST", path, b"{}", **token, X_CloudScheduler_ScheduleTime="2026-07-15T17:00:00Z")[0] == 202
    assert webhook(entry, "POST", path, b"{}", **when)[0] == 401
    assert len(google.list_calls(RUN)) == 2


def test_wrong_tokens_and_unknown_models_cost_one_read_of_the_table(google: Google, entry: ModuleType) -> None:
    for number in range(20):
        assert webhook(entry, "POST", f"/pred/{MODEL}?token=other", BODY)[0] == 401
        assert webhook(entry, "POST", f"/pred/unknown-{number}?token=other", BODY)[0] == 404
    assert [call[0] for call in google.list_calls(STORAGE)] == ["GET"]
    assert google.list_calls(RUN) == []


def test_health_names_the_package_and_the_node(google: Google, entry: ModuleType) -> None:
    assert webhook(entry, "GET", "/health") == (200, {"package": "digest"})
    assert google.calls == []
    assert webhook(entry, "GET", f"/health/{MODEL}") == (200, {"node": "alpha", "package": "digest"})


def test_a_process_reads_the_table_when_it_starts(google: Google, entry: ModuleType) -> None:
    importlib.reload(entry)
    assert len(google.list_calls(STORAGE)) == 1
    assert webhook(entry, "GET", f"/health/{MODEL}")[0] == 200
    assert len(google.list_calls(STORAGE)) == 1


def test_a_table_that_cannot_be_read_at_the_start_is_read_by_the_first_call(google: Google, entry: ModuleType) -> None:
    google.faults[STORAGE] = [error(403, "denied")]
    importlib.reload(entry)
    assert webhook(entry, "GET", f"/health/{MODEL}")[0] == 200
