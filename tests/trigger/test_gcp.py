"""The Google Cloud entry point: claims and job starts with the services' answers, and its function."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import flask
import pytest

from trigger.core import ClaimError, StartError

JOB = "projects/p/locations/us-central1/jobs/alpha-1a2b3c4"
EXECUTION = f"{JOB}/executions/alpha-1a2b3c4-x7k2p"
ENV = {
    "NODE_NAME": "alpha",
    "MODEL_ID": "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01",
    "TOKEN_SHA256": "3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7",  # of "data"
    "NODE_ENABLED": "1",
    "PACKAGE": "digest",
    "JOB": JOB,
    "CLAIMS_BUCKET": "claims",
}
OBJECTS = "https://storage.googleapis.com/storage/v1/b/claims/o"
UPLOAD = "https://storage.googleapis.com/upload/storage/v1/b/claims/o"


def error(status: int, message: str) -> tuple[int, bytes]:
    return status, json.dumps({"error": {"code": status, "message": message, "status": "X"}}).encode()


class Google:
    """Answers like the services, and records the requests in `calls`."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.calls: list[tuple[str, str, dict[str, str], bytes | None, float]] = []
        self.taken = error(412, "At least one of the pre-conditions you specified did not hold.")
        self.run: tuple[int, bytes] = (200, json.dumps({"name": "op", "metadata": {"name": EXECUTION}}).encode())
        self.fail: Exception | None = None
        self.expires_in = 3599
        self.page = 1000

    def call(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None, timeout: float = 5.0
    ) -> Any:
        from trigger.gcp import Answer

        self.calls.append((method, url, dict(headers), body, timeout))
        host = urlsplit(url).hostname
        if host == "metadata.google.internal":
            token = {"access_token": f"token-{len(self.asked(host))}", "expires_in": self.expires_in}
            return Answer(200, json.dumps(token).encode())
        if self.fail:
            raise self.fail
        return Answer(*(self.run if host == "run.googleapis.com" else self._storage(method, url, body)))

    def _storage(self, method: str, url: str, body: bytes | None) -> tuple[int, bytes]:
        base, query = url.split("?")[0], {key: values[0] for key, values in parse_qs(urlsplit(url).query).items()}
        if method == "POST":
            assert (base, query["uploadType"], query["ifGenerationMatch"]) == (UPLOAD, "media", "0")
            if query["name"] in self.objects:
                return self.taken
            self.objects[query["name"]] = body or b""
            return 200, json.dumps({"name": query["name"]}).encode()
        if base == OBJECTS:
            keys = sorted(key for key in self.objects if key.startswith(query["prefix"]))
            start = int(query.get("pageToken") or 0)
            items = [{"name": key} for key in keys[start : start + self.page]]
            more = {"nextPageToken": str(start + self.page)} if start + self.page < len(keys) else {}
            return 200, json.dumps({**({"items": items} if items else {}), **more}).encode()
        key = unquote(base.removeprefix(f"{OBJECTS}/"))
        if key not in self.objects:
            return error(404, f"No such object: claims/{key}")
        return 200, self.objects[key] if query.get("alt") == "media" else b"{}"

    def asked(self, host: str | None) -> list[tuple[str, str, dict[str, str], bytes | None, float]]:
        return [call for call in self.calls if urlsplit(call[1]).hostname == host]


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch) -> Iterator[Google]:
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)
    entry = importlib.import_module("trigger.gcp")
    stub = Google()
    monkeypatch.setattr(entry, "call", stub.call)
    entry._parts.cache_clear()
    yield stub
    entry._parts.cache_clear()


@pytest.fixture
def entry(google: Google) -> ModuleType:
    return importlib.import_module("trigger.gcp")


def test_a_claim_is_made_once_by_an_atomic_creation(google: Google, entry: ModuleType) -> None:
    _, claims, _ = entry._parts()
    assert claims.create("run-1/1.claim", b"first") is True
    assert claims.create("run-1/1.claim", b"second") is False
    assert google.objects == {"claims/alpha/run-1/1.claim": b"first"}
    assert google.asked("storage.googleapis.com")[0][2]["Authorization"] == "Bearer token-1"


def test_a_service_that_refuses_the_overwrite_before_the_condition_means_taken(
    google: Google, entry: ModuleType
) -> None:
    _, claims, _ = entry._parts()
    google.taken = error(403, "alpha-trg does not have storage.objects.delete access")
    claims.create("run-1/1.claim", b"first")
    assert claims.create("run-1/1.claim", b"second") is False


def test_a_missing_right_is_no_taken_claim(google: Google, entry: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    _, claims, _ = entry._parts()
    monkeypatch.setattr(google, "_storage", lambda *_: error(403, "alpha-trg does not have storage.objects.create"))
    with pytest.raises(ClaimError, match="could not be written: 403 alpha-trg does not have"):
        claims.create("run-1/1.claim", b"first")
    with pytest.raises(ClaimError, match="could not be listed: 403"):
        claims.list("run-1/")


def test_claims_are_listed_page_by_page_and_read_by_relative_keys(google: Google, entry: ModuleType) -> None:
    _, claims, _ = entry._parts()
    google.page = 2
    keys = [f"run-1/{number}.claim" for number in range(1, 6)]
    for key in [*keys, "run-2/1.claim"]:
        claims.create(key, key.encode())
    assert claims.list("run-1/") == keys
    assert claims.list("run-3/") == []
    assert claims.read("run-1/3.claim") == b"run-1/3.claim"
    with pytest.raises(ClaimError, match="404 No such object"):
        claims.read("run-3/1.claim")


def test_a_start_adds_variables_and_nothing_else(google: Google, entry: ModuleType) -> None:
    _, _, jobs = entry._parts()
    assert jobs.start("run-1-1", {"RUN_ID": "run-1", "TRIGGER_ID": "run-1"}) == EXECUTION
    ((method, url, headers, body, _),) = google.asked("run.googleapis.com")
    assert (method, url) == ("POST", f"https://run.googleapis.com/v2/{JOB}:run")
    assert headers["Authorization"] == "Bearer token-1"
    env = [{"name": "RUN_ID", "value": "run-1"}, {"name": "TRIGGER_ID", "value": "run-1"}]
    assert json.loads(body or b"") == {"overrides": {"containerOverrides": [{"env": env}]}}


def test_a_start_without_an_execution_s_name_gives_the_operation_s(google: Google, entry: ModuleType) -> None:
    google.run = (200, b'{"name": "projects/p/locations/l/operations/o"}')
    assert entry._parts()[2].start("run-1-1", {}) == "projects/p/locations/l/operations/o"


def test_a_start_that_is_refused_hangs_or_is_garbled_is_a_start_error(google: Google, entry: ModuleType) -> None:
    _, _, jobs = entry._parts()
    google.run = error(403, "Permission 'run.jobs.runWithOverrides' denied")
    with pytest.raises(StartError, match=r"could not be started: 403 Permission 'run\.jobs\.runWithOverrides' denied"):
        jobs.start("run-1-1", {})
    google.run = (200, b"<html>")
    with pytest.raises(StartError, match="something else than expected"):
        jobs.start("run-1-1", {})
    google.fail = TimeoutError("timed out")
    with pytest.raises(StartError, match="did not answer: timed out"):
        jobs.start("run-1-1", {})


def test_the_token_is_asked_for_once_while_it_is_good(google: Google, entry: ModuleType) -> None:
    _, claims, jobs = entry._parts()
    for number in range(3):
        claims.create(f"run-{number}/1.claim", b"")
        jobs.start("run", {})
    ((_, url, headers, _, _),) = google.asked("metadata.google.internal")
    assert url == "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token"
    assert headers == {"Metadata-Flavor": "Google"}


def test_a_token_that_is_about_to_expire_is_replaced(google: Google, entry: ModuleType) -> None:
    _, claims, _ = entry._parts()
    google.expires_in = 60
    claims.create("run-1/1.claim", b"")
    claims.create("run-2/1.claim", b"")
    sent = [call[2]["Authorization"] for call in google.asked("storage.googleapis.com")]
    assert sent == ["Bearer token-1", "Bearer token-2"]


def test_every_call_has_a_time_out_below_the_function_s_own(google: Google, entry: ModuleType) -> None:
    entry._parts()[1].create("run/1.claim", b"")
    entry._parts()[2].start("run", {})
    assert sum(timeout for *_, timeout in google.calls) < 60
    assert not [timeout for *_, timeout in google.calls if timeout <= 0]


def webhook(entry: ModuleType, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, dict[str, Any]]:
    app = flask.Flask("function")
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    with app.test_request_context(path, method=method, data=body, headers=sent):
        text, status, _ = entry.webhook(flask.request)
    answer: dict[str, Any] = json.loads(text)
    return status, answer


TRIGGER = "6f1d5f0a-9d53-4f3a-8e11-000000000001"
BODY = json.dumps({"roundNumber": 371, "dataVersion": 1, "triggerId": TRIGGER}).encode()


def test_a_webhook_call_claims_and_starts_and_a_repeat_does_not(
    google: Google, entry: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    first = webhook(entry, "POST", f"/pred/{ENV['MODEL_ID']}?token=data", BODY)
    again = webhook(entry, "POST", f"/pred/{ENV['MODEL_ID']}/data", BODY)
    assert (first[0], first[1]["job"]) == (202, EXECUTION)
    assert (again[0], again[1]["job"]) == (200, EXECUTION)
    assert len(google.asked("run.googleapis.com")) == 1
    printed = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["http"] for line in printed] == [202, 200]
    assert "data" not in "".join(printed)


def test_a_refused_start_is_marked_and_may_be_repeated(google: Google, entry: ModuleType) -> None:
    good, google.run = google.run, error(503, "try later")
    status, answer = webhook(entry, "POST", f"/pred/{ENV['MODEL_ID']}?token=data", BODY)
    assert (status, answer["status"]) == (502, "failed")
    google.run = good
    status, answer = webhook(entry, "POST", f"/pred/{ENV['MODEL_ID']}?token=data", BODY)
    assert (status, answer["attempt"]) == (202, 2)
    assert f"claims/alpha/{TRIGGER}/1.failed" in google.objects


def test_a_schedule_s_time_is_claimed_once(google: Google, entry: ModuleType) -> None:
    path, token = f"/schedule/{ENV['MODEL_ID']}", {"X_Trigger_Token": "data"}
    when = {"X_CloudScheduler_ScheduleTime": "2026-07-14T17:00:00Z"}
    assert webhook(entry, "POST", path, b"{}", **token, **when)[0] == 202
    assert webhook(entry, "POST", path, b"{}", **token, **when)[0] == 200
    assert webhook(entry, "POST", path, b"{}", **token, X_CloudScheduler_ScheduleTime="2026-07-15T17:00:00Z")[0] == 202
    assert webhook(entry, "POST", path, b"{}", **when)[0] == 401
    assert len(google.asked("run.googleapis.com")) == 2


def test_a_wrong_token_touches_nothing(google: Google, entry: ModuleType) -> None:
    assert webhook(entry, "POST", f"/pred/{ENV['MODEL_ID']}?token=other", BODY)[0] == 401
    assert google.calls == []


def test_health_names_the_package(google: Google, entry: ModuleType) -> None:
    assert webhook(entry, "GET", "/health") == (200, {"node": "alpha", "package": "digest"})
    assert google.calls == []
