"""The trigger on Azure Functions: one HTTP function for all paths, and a timer that starts the scheduled runs.

Uses only the standard library and the runtime's azure-functions. Each node has a blob container, `claims-NODE`: its
metadata is the node's row in the table, its blobs are the node's claims. Jobs run on Container Apps.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import azure.functions as func

from trigger.azure_schedules import Schedules
from trigger.calls import Request
from trigger.core import Trigger
from trigger.http_call import START_TIMEOUT, Answer, call, call_until_answered
from trigger.package import hash_package
from trigger.starts import StartError, read_run_id
from trigger.table import Row, StoreError

if TYPE_CHECKING:
    from trigger.alerts import Alerts
    from trigger.azure_watch import Secrets
    from trigger.watch import Watch

_MANAGEMENT, _STORAGE = "https://management.azure.com", "https://storage.azure.com"
_JOB_VERSION, _BLOB_VERSION, _TOKEN_VERSION = "2025-01-01", "2023-11-03", "2019-08-01"
_PREFIX = "claims-"
_COPIED = ("name", "image", "command", "args", "env", "resources")
# A job keeps the last hundred or so executions; a page has at least twenty.
_MAX_PAGES = 20
_log = logging.getLogger("trigger")


class Identity:
    """Tokens of the app's own identity, from the endpoint that Functions gives each process."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self._lock = threading.Lock()
        self._tokens: dict[str, tuple[str, float]] = {}

    def headers(self, resource: str) -> dict[str, str]:
        """Return the Authorization header for a resource. Raises OSError."""
        with self._lock:
            token, expires = self._tokens.get(resource, ("", 0.0))
            if expires - time.time() < 300:
                token, expires = self._tokens[resource] = self._fetch(resource)
        return {"Authorization": f"Bearer {token}"}

    def _fetch(self, resource: str) -> tuple[str, float]:
        query = f"resource={quote(resource, safe='')}&api-version={_TOKEN_VERSION}"
        headers = {"X-IDENTITY-HEADER": self._env["IDENTITY_HEADER"]}
        answer = call_until_answered("GET", f"{self._env['IDENTITY_ENDPOINT']}?{query}", headers)
        if answer.status != 200:
            raise OSError(f"the identity endpoint answered {answer.status}")
        token = json.loads(answer.body)
        return token["access_token"], float(token["expires_on"])


class BlobStore:
    """The containers of the storage account STORE_URL (https://ACCOUNT.blob.core.windows.net/)."""

    def __init__(self, url: str, identity: Identity) -> None:
        self._url, self._identity = url, identity

    def read_rows(self) -> list[Row]:
        """Return the rows in the containers' metadata, oldest first."""
        containers = self._list("table", f"?comp=list&include=metadata&prefix={_PREFIX}", "Containers/Container")
        ordered = sorted(containers, key=_read_change_time)
        rows = (Row.read_columns({c.tag: c.text or "" for c in each.iterfind("Metadata/*")}) for each in ordered)
        return [row for row in rows if row]

    def create(self, key: str, body: bytes) -> bool:
        """Create a blob with If-None-Match: *.

        The identity may create blobs but not overwrite them. So Azure may refuse an existing blob because of missing
        rights (403) before it checks the condition (409); then a second call shows whether the blob exists.
        """
        headers = {"If-None-Match": "*", "x-ms-blob-type": "BlockBlob"}
        answer = self._call("PUT", _locate(key), headers, body)
        if answer.status == 201:
            return True
        if answer.status in (409, 412) or (answer.status == 403 and self._call("HEAD", _locate(key)).status == 200):
            return answer.repeated and self.read(key) == body
        raise StoreError(f"the claim could not be written: {answer.status} {answer.reason()}")

    def list(self, prefix: str) -> list[str]:
        """List the blobs of the node that `prefix` begins with."""
        node, _, rest = prefix.partition("/")
        query = f"{_PREFIX}{node}?restype=container&comp=list&prefix={quote(rest, safe='')}"
        return [f"{node}/{blob.findtext('Name') or ''}" for blob in self._list("claims", query, "Blobs/Blob")]

    def read(self, key: str) -> bytes:
        """Return a blob's content."""
        answer = self._call("GET", _locate(key))
        if answer.status != 200:
            raise StoreError(f"the claim could not be read: {answer.status} {answer.reason()}")
        return answer.body

    def _list(self, what: str, query: str, items: str) -> Iterator[ET.Element]:
        marker = ""
        while True:
            answer = self._call("GET", f"{query}&marker={quote(marker, safe='')}")
            if answer.status != 200:
                raise StoreError(f"the {what} could not be listed: {answer.status} {answer.reason()}")
            # Azure's answer over TLS, with names of this project
            page = ET.fromstring(answer.body)  # noqa: S314
            yield from page.iterfind(items)
            marker = page.findtext("NextMarker") or ""
            if not marker:
                return

    def _call(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        try:
            signed = {"x-ms-version": _BLOB_VERSION, **self._identity.headers(_STORAGE), **(headers or {})}
            return call_until_answered(method, self._url + path, signed, body)
        except OSError as error:
            raise StoreError(f"the storage account did not answer: {error}") from error


def _locate(key: str) -> str:
    """Return the path of a blob: NODE/RUN/NAME is the blob RUN/NAME in the node's container."""
    return _PREFIX + quote(key)


def _read_change_time(container: ET.Element) -> datetime:
    return parsedate_to_datetime(container.findtext("Properties/Last-Modified") or "")


class ContainerApps:
    """Starts and finds executions of Container Apps jobs; a row's `job` is the job's resource id."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    def start(self, row: Row, run_name: str, env: Mapping[str, str]) -> str:
        """Start the job with `env` added. Ignores `run_name`, since Azure names executions itself."""
        # The body of a start replaces the job's containers, so they are read and sent again.
        template = self._get(f"{_MANAGEMENT}{row.job}?api-version={_JOB_VERSION}", "job")["properties"]["template"]
        containers = [add_env(container, env) for container in template["containers"]]
        url = f"{_MANAGEMENT}{row.job}/start?api-version={_JOB_VERSION}"
        try:
            headers = self._identity.headers(_MANAGEMENT) | {"Content-Type": "application/json"}
            answer = call("POST", url, headers, json.dumps({"containers": containers}).encode(), START_TIMEOUT)
            if answer.status not in (200, 202):
                reason = f"the job could not be started: {answer.status} {answer.reason()}"
                raise StartError(reason, unclear=answer.unclear, busy=answer.busy)
            execution = json.loads(answer.body or b"{}")
            return str(execution.get("id") or execution.get("name") or row.job)
        except (OSError, ValueError, AttributeError) as error:
            raise StartError(f"Container Apps did not answer as expected: {error!r}", unclear=True) from error

    def find(self, row: Row, run_id: str) -> str | None:
        """Return the id of the job's execution that has this RUN_ID."""
        for execution in self.list_executions(row):
            template = (execution.get("properties") or {}).get("template") or {}
            if read_run_id(template.get("containers") or ()) == run_id:
                return str(execution["id"])
        return None

    def list_executions(self, row: Row) -> Iterator[dict[str, Any]]:
        """Yield the job's executions. Raises StartError."""
        url = f"{_MANAGEMENT}{row.job}/executions?api-version={_JOB_VERSION}"
        for _ in range(_MAX_PAGES):
            page = self._get(url, "job's executions")
            yield from page.get("value") or []
            url = page.get("nextLink") or ""
            if not url.startswith(f"{_MANAGEMENT}/"):
                return

    def _get(self, url: str, what: str) -> dict[str, Any]:
        try:
            answer = call_until_answered("GET", url, self._identity.headers(_MANAGEMENT))
            if answer.status != 200:
                raise StartError(f"the {what} could not be read: {answer.status} {answer.reason()}")
            return dict(json.loads(answer.body))
        except (OSError, ValueError) as error:
            raise StartError(f"Container Apps did not answer as expected: {error!r}") from error


def add_env(container: Mapping[str, Any], env: Mapping[str, str]) -> dict[str, Any]:
    """Return a container of the job's template in the form that a start requires, with variables added or replaced."""
    kept = {key: container[key] for key in _COPIED if container.get(key) is not None}
    # Omits the fields that Azure computes.
    kept["resources"] = {key: value for key, value in container["resources"].items() if key in ("cpu", "memory")}
    others = [variable for variable in container.get("env") or [] if variable["name"] not in env]
    return {**kept, "env": [*others, *({"name": name, "value": value} for name, value in env.items())]}


@cache
def _open_identity() -> Identity:
    return Identity(os.environ)


@cache
def _open_cluster() -> ContainerApps:
    return ContainerApps(_open_identity())


@cache
def open_trigger() -> Trigger:
    """Return the process's trigger."""
    store = BlobStore(os.environ["STORE_URL"], _open_identity())
    package = hash_package(Path(__file__).parent.parent)
    return Trigger(store, _open_cluster(), package, _log.info, send_test=lambda row: _open_alerts().send_test(row))


# Imported late, since a webhook's cold start needs neither.
@cache
def _open_secrets() -> Secrets:
    from trigger import azure_watch

    return azure_watch.Secrets(_open_identity())


@cache
def _open_watch() -> Watch:
    from trigger import azure_watch
    from trigger.watch import build_watch

    return build_watch(open_trigger(), azure_watch.Runs(_open_cluster()), _open_secrets().read_keys, _open_alerts)


@cache
def _open_alerts() -> Alerts:
    from trigger.azure_alerts import build_alerts

    return build_alerts(open_trigger(), _open_secrets().read)


@cache
def open_schedules() -> Schedules:
    """Return the process's schedules."""
    return Schedules(open_trigger())


def _prepare() -> None:
    """Get the first token and read the table. A call that needs them reports an error."""
    with suppress(StoreError):
        open_trigger().list_rows()


app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.function_name("webhook")
@app.route(route="{*path}", methods=["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"])
def webhook(req: func.HttpRequest) -> func.HttpResponse:
    """Answer every path of the app."""
    url = urlsplit(req.url)
    request = Request(
        method=req.method,
        path=unquote(url.path),
        query=dict(parse_qsl(url.query)),
        headers={name.lower(): value for name, value in req.headers.items()},
        body=req.get_body(),
    )
    response = (_open_watch() if request.is_question else open_trigger()).answer(request)
    return func.HttpResponse(response.json(), status_code=response.status, mimetype="application/json")


@app.function_name("schedule")
@app.timer_trigger(schedule="0 * * * * *", arg_name="timer", run_on_startup=False, use_monitor=False)
def schedule(timer: func.TimerRequest) -> None:
    """Run every minute, so that schedules come and go without a change of this app."""
    open_schedules().tick(datetime.now(UTC))


@app.function_name("watch")
@app.timer_trigger(schedule="0 */5 * * * *", arg_name="timer", run_on_startup=False, use_monitor=False)
def watch(timer: func.TimerRequest, context: func.Context) -> None:
    """Look at the nodes' rounds every five minutes."""
    # Azure loses what a thread logs that does not name its call.
    _open_watch().run_pass(lambda: setattr(context.thread_local_storage, "invocation_id", context.invocation_id))


if "STORE_URL" in os.environ:
    threading.Thread(target=_prepare, daemon=True).start()
