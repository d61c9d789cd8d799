"""The trigger on Cloud Run functions: one HTTP function for every path and every node of the region.

Only urllib and the runtime's functions-framework are used. The account's token, the TLS context and the table are kept
across invocations. Table and claims are objects of one bucket; the table's rows are the names of its objects.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import threading
import time
from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import functions_framework

from trigger import http_call
from trigger.calls import Request
from trigger.core import Trigger
from trigger.http_call import Answer
from trigger.starts import StartError, read_run_id
from trigger.table import Row, StoreError

if TYPE_CHECKING:
    from trigger.alerts import Alerts
    from trigger.gcp_watch import Secrets
    from trigger.watch import Watch

_METADATA = "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token"
_STORAGE = "https://storage.googleapis.com"
_RUN = "https://run.googleapis.com/v2"
_TABLE, _CLAIMS = "table/", "claims/"
# A start is looked up within minutes; older executions need not be read.
_LOOK_BACK_SECONDS = 2 * 24 * 3600


class Identity:
    """The access token of the function's account, from the metadata server."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._token, self._expires = "", 0.0

    def headers(self) -> dict[str, str]:
        """Return the headers of a call with a JSON body. Raises OSError."""
        with self._lock:
            if self._expires - time.time() < 120:
                answer = http_call.call_until_answered("GET", _METADATA, {"Metadata-Flavor": "Google"})
                if answer.status != 200:
                    raise OSError(f"the metadata server answered {answer.status}")
                issued = json.loads(answer.body)
                self._token, self._expires = issued["access_token"], time.time() + float(issued["expires_in"])
            return {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}


class StorageStore:
    """The objects table/ROW and claims/NODE/... of a bucket."""

    def __init__(self, bucket: str, identity: Identity) -> None:
        self._objects = f"{_STORAGE}/storage/v1/b/{bucket}/o"
        self._upload = f"{_STORAGE}/upload/storage/v1/b/{bucket}/o"
        self._identity = identity

    def read_rows(self) -> Iterable[Row]:
        """Return the rows, those that were written last at the end."""
        objects = sorted(self._list_objects(_TABLE), key=lambda item: str(item["updated"]))
        rows = (Row.read_key(item["name"].removeprefix(_TABLE)) for item in objects)
        return [row for row in rows if row]

    def create(self, key: str, body: bytes) -> bool:
        """Upload an object on the condition that there is none (generation 0)."""
        url = f"{self._upload}?uploadType=media&ifGenerationMatch=0&name={quote(_CLAIMS + key, safe='')}"
        answer = self._send("POST", url, body)
        if answer.status == 200:
            return True
        # Without the permission to delete, Google may refuse to overwrite before it checks the condition.
        if answer.status == 412 or (answer.status == 403 and self._exists(key)):
            return answer.repeated and self.read(key) == body
        raise StoreError(f"the claim could not be written: {answer.status} {answer.reason()}")

    def list(self, prefix: str) -> list[str]:
        """Return the claims below a prefix."""
        return [item["name"].removeprefix(_CLAIMS) for item in self._list_objects(_CLAIMS + prefix)]

    def read(self, key: str) -> bytes:
        """Return a claim's content."""
        answer = self._send("GET", f"{self._name(key)}?alt=media")
        if answer.status != 200:
            raise StoreError(f"the claim could not be read: {answer.status} {answer.reason()}")
        return answer.body

    def _list_objects(self, prefix: str) -> Iterable[dict[str, Any]]:
        page = ""
        while True:
            fields = "items(name,updated),nextPageToken"
            answer = self._send(
                "GET", f"{self._objects}?prefix={quote(prefix, safe='')}&fields={fields}&pageToken={page}"
            )
            if answer.status != 200:
                raise StoreError(f"{prefix} could not be listed: {answer.status} {answer.reason()}")
            content = json.loads(answer.body)
            yield from content.get("items", [])
            page = quote(content.get("nextPageToken", ""), safe="")
            if not page:
                return

    def _name(self, key: str) -> str:
        return f"{self._objects}/{quote(_CLAIMS + key, safe='')}"

    def _exists(self, key: str) -> bool:
        return self._send("GET", self._name(key)).status == 200

    def _send(self, method: str, url: str, body: bytes | None = None) -> Answer:
        try:
            return http_call.call_until_answered(method, url, self._identity.headers(), body)
        except OSError as error:
            raise StoreError(f"the store did not answer: {error}") from error


class CloudRun:
    """The region's Cloud Run jobs, which are named below `parent` (projects/P/locations/L)."""

    def __init__(self, parent: str, identity: Identity) -> None:
        self._jobs, self._identity = f"{_RUN}/{parent}/jobs", identity

    def start(self, row: Row, run_name: str, env: Mapping[str, str]) -> str:
        """Run the job with `env` merged into its own variables; Cloud Run names the execution itself."""
        overrides = {"containerOverrides": [{"env": [{"name": key, "value": value} for key, value in env.items()]}]}
        body, headers = json.dumps({"overrides": overrides}).encode(), self._build_headers()
        try:
            answer = http_call.call("POST", f"{self._jobs}/{row.job}:run", headers, body, http_call.START_TIMEOUT)
        except OSError as error:
            raise StartError(f"Cloud Run did not answer: {error}", unclear=True) from error
        if answer.status != 200:
            sentence = f"the job could not be started: {answer.status} {answer.reason()}"
            raise StartError(sentence, unclear=answer.unclear, busy=answer.busy)
        try:
            operation = json.loads(answer.body)
            return str((operation.get("metadata") or {}).get("name") or operation["name"])
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise StartError(f"Cloud Run's answer was not understood ({error!r})", unclear=True) from error

    def find(self, row: Row, run_id: str) -> str | None:
        """Look through the job's executions, which are listed with the newest first."""
        oldest = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() - _LOOK_BACK_SECONDS))
        page = ""
        while True:
            content = self.list_executions(row, page)
            for execution in content.get("executions", []):
                if execution["createTime"][: len(oldest)] < oldest:
                    return None
                if read_run_id(execution["template"]["containers"]) == run_id:
                    return str(execution["name"])
            page = content.get("nextPageToken", "")
            if not page:
                return None

    def list_executions(self, row: Row, page: str = "") -> dict[str, Any]:
        """Return a page of the job's executions, the newest first. Raises StartError."""
        url = f"{self._jobs}/{row.job}/executions?pageSize=100&pageToken={quote(page, safe='')}"
        try:
            answer = http_call.call_until_answered("GET", url, self._build_headers())
        except OSError as error:
            raise StartError(f"Cloud Run did not list the job's executions: {error}") from error
        if answer.status != 200:
            raise StartError(f"the job's executions could not be listed: {answer.status} {answer.reason()}")
        content: dict[str, Any] = json.loads(answer.body)
        return content

    def _build_headers(self) -> dict[str, str]:
        try:
            return self._identity.headers()
        except OSError as error:
            raise StartError(f"the trigger got no token: {error}") from error


@cache
def _open_identity() -> Identity:
    return Identity()


@cache
def _open_cluster() -> CloudRun:
    return CloudRun(os.environ["PARENT"], _open_identity())


@cache
def build_trigger() -> Trigger:
    """Return the process's trigger, which reads its settings from the environment."""
    store = StorageStore(os.environ["BUCKET"], _open_identity())
    package = os.environ["PACKAGE"]
    return Trigger(store, _open_cluster(), package, _print_line, send_test=lambda row: _open_alerts().send_test(row))


# The modules of the watch and of alerts are imported late, because a webhook's cold start does not need them.
@cache
def _open_secrets() -> Secrets:
    from trigger import gcp_watch

    return gcp_watch.Secrets(os.environ["PARENT"].split("/")[1], _open_identity())


@cache
def _open_watch() -> Watch:
    from trigger import gcp_watch
    from trigger.watch import build_watch

    return build_watch(build_trigger(), gcp_watch.Runs(_open_cluster()), _open_secrets().read_keys, _open_alerts)


@cache
def _open_alerts() -> Alerts:
    from trigger.gcp_alerts import build_alerts

    return build_alerts(build_trigger(), os.environ["PARENT"], _open_secrets().read)


def _is_scheduler(token: str) -> bool:
    """Whether a token is that of the watch, of which the function knows the SHA-256."""
    digest = hashlib.sha256(token.encode()).hexdigest()
    return hmac.compare_digest(digest, os.environ.get("WATCH_SHA256", ""))


def _print_line(text: str) -> None:
    print(text, flush=True)


@functions_framework.http
def webhook(request: Any) -> tuple[str, int, dict[str, str]]:
    """Answer a request on any path of the function; `request` is Flask's."""
    if request.path == "/watch" and _is_scheduler(request.headers.get("X-Trigger-Token", "")):
        return json.dumps(_open_watch().run_pass()), 200, {"Content-Type": "application/json"}
    asked = Request(
        method=request.method,
        path=request.path,
        query=request.args.to_dict(),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=request.get_data(),
    )
    response = (_open_watch() if asked.is_question else build_trigger()).answer(asked)
    return response.json(), response.status, {"Content-Type": "application/json"}


if "BUCKET" in os.environ:  # a function's process: the first call finds the table read
    try:
        build_trigger().list_rows()
    except StoreError:  # the first call tries again
        build_trigger.cache_clear()
