"""The trigger on Azure Functions: one HTTP function for every path, a timer where the node has a schedule.

Only urllib and the runtime's azure-functions are used. Tokens of the app's identity and the TLS context are kept across
invocations. The claim store is a folder of a blob container, the cluster a Container Apps job.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import ssl
import threading
import time
import urllib.error
import urllib.request
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import azure.functions as func

try:
    from core import ClaimError, Request, Response, Settings, StartError, handle, scheduled
    from cron import due, last_due
except ImportError:  # in this repository, where the files of the archive are modules of a package
    from trigger.core import ClaimError, Request, Response, Settings, StartError, handle, scheduled
    from trigger.cron import due, last_due

_MANAGEMENT = "https://management.azure.com"
_STORAGE = "https://storage.azure.com"
_JOB_VERSION, _BLOB_VERSION, _TOKEN_VERSION = "2025-01-01", "2023-11-03", "2019-08-01"
_TIMEOUT, _START_TIMEOUT = 5.0, 20.0
_FILES = ("core.py", "cron.py", "function_app.py", "host.json", "requirements.txt")
# A tick may come late, never an hour late; a schedule's time that was already served is known by its claim.
_LATE = timedelta(minutes=59)
_COPIED = ("name", "image", "command", "args", "env", "resources")
_tls = ssl.create_default_context()
_log = logging.getLogger("trigger")


@dataclass
class Answer:
    """Status and body of an HTTP answer, whatever the status."""

    status: int
    body: bytes

    def reason(self) -> str:
        """What the error body says, short."""
        try:
            return str(json.loads(self.body)["error"]["code"])
        except (ValueError, KeyError, TypeError):
            start = self.body.find(b"<Code>")
            end = self.body.find(b"</Code>")
            return self.body[start + 6 : end].decode() if 0 <= start < end else ""


def call(
    method: str, url: str, headers: Mapping[str, str], body: bytes | None = None, timeout: float = _TIMEOUT
) -> Answer:
    """One HTTP call. Raises OSError when no answer comes (URLError and time-outs are OSErrors)."""
    # The addresses are those that the stack set and that Azure gives the process.
    request = urllib.request.Request(url, data=body, headers=dict(headers), method=method)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=timeout, context=_tls) as response:  # noqa: S310
            return Answer(response.status, response.read())
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.read())
    except HTTPException as error:
        raise OSError(f"the answer broke off ({error!r})") from error


class Identity:
    """Tokens of the app's user-assigned identity, from the endpoint that Functions gives each process."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self._lock = threading.Lock()
        self._tokens: dict[str, tuple[str, float]] = {}

    def headers(self, resource: str) -> dict[str, str]:
        """The Authorization header for a resource. Raises OSError."""
        with self._lock:
            token, expires = self._tokens.get(resource, ("", 0.0))
            if expires - time.time() < 300:
                token, expires = self._tokens[resource] = self._fetch(resource)
        return {"Authorization": f"Bearer {token}"}

    def _fetch(self, resource: str) -> tuple[str, float]:
        url = (
            f"{self._env['IDENTITY_ENDPOINT']}?resource={quote(resource, safe='')}&api-version={_TOKEN_VERSION}"
            f"&client_id={self._env['AZURE_CLIENT_ID']}"
        )
        answer = call("GET", url, {"X-IDENTITY-HEADER": self._env["IDENTITY_HEADER"]})
        if answer.status != 200:
            raise OSError(f"the identity endpoint answered {answer.status}")
        found = json.loads(answer.body)
        return found["access_token"], float(found["expires_on"])


class BlobClaims:
    """Claims as blobs below CLAIMS_URL (https://ACCOUNT.blob.core.windows.net/claims/NODE)."""

    def __init__(self, url: str, identity: Identity) -> None:
        self._container, self._folder = url.rsplit("/", 1)
        self._identity = identity

    def create(self, key: str, body: bytes) -> bool:
        """Put Blob with If-None-Match: *. The identity may create and not overwrite, so the service may refuse an
        existing blob by its rights (403) before it looks at the condition (409): then the blob itself tells."""
        answer = self._call("PUT", key, {"If-None-Match": "*", "x-ms-blob-type": "BlockBlob"}, body)
        if answer.status == 201:
            return True
        if answer.status in (409, 412) or (answer.status == 403 and self._call("HEAD", key).status == 200):
            return False
        raise ClaimError(f"the claim could not be written: {answer.status} {answer.reason()}")

    def list(self, prefix: str) -> list[str]:
        """List Blobs, page by page."""
        keys: list[str] = []
        marker = ""
        while True:
            query = f"restype=container&comp=list&prefix={quote(f'{self._folder}/{prefix}')}&marker={quote(marker)}"
            answer = self._send("GET", f"{self._container}?{query}", {}, None)
            if answer.status != 200:
                raise ClaimError(f"the claims could not be listed: {answer.status} {answer.reason()}")
            # The answer comes from Azure over TLS and holds names that this program wrote.
            page = ET.fromstring(answer.body)  # noqa: S314
            keys += [(name.text or "").removeprefix(f"{self._folder}/") for name in page.iterfind("Blobs/Blob/Name")]
            marker = page.findtext("NextMarker") or ""
            if not marker:
                return keys

    def read(self, key: str) -> bytes:
        """Get Blob."""
        answer = self._call("GET", key)
        if answer.status != 200:
            raise ClaimError(f"the claim could not be read: {answer.status} {answer.reason()}")
        return answer.body

    def _call(
        self, method: str, key: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        return self._send(method, f"{self._container}/{self._folder}/{quote(key)}", headers or {}, body)

    def _send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        try:
            signed = {"x-ms-version": _BLOB_VERSION, **self._identity.headers(_STORAGE), **headers}
            return call(method, url, signed, body)
        except OSError as error:
            raise ClaimError(f"the claim store did not answer: {error}") from error


class ContainerAppsJobs:
    """Starts the Container Apps job JOB_ID."""

    def __init__(self, job: str, identity: Identity) -> None:
        self._url = f"{_MANAGEMENT}{job}"
        self._identity = identity

    def start(self, run_name: str, env: dict[str, str]) -> str:
        """Start with `env` added. The body of a start replaces the containers, so they are read and sent again."""
        try:
            return self._start(env)
        except OSError as error:
            raise StartError(f"Container Apps did not answer: {error}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise StartError(f"Container Apps answered something else than expected ({error!r})") from error

    def _start(self, env: dict[str, str]) -> str:
        headers = self._identity.headers(_MANAGEMENT) | {"Content-Type": "application/json"}
        job = call("GET", f"{self._url}?api-version={_JOB_VERSION}", headers)
        if job.status != 200:
            raise StartError(f"the job could not be read: {job.status} {job.reason()}")
        containers = [with_env(each, env) for each in json.loads(job.body)["properties"]["template"]["containers"]]
        body = json.dumps({"containers": containers}).encode()
        url = f"{self._url}/start?api-version={_JOB_VERSION}"
        answer = call("POST", url, headers, body, _START_TIMEOUT)
        if answer.status not in (200, 202):
            raise StartError(f"the job could not be started: {answer.status} {answer.reason()}")
        started = json.loads(answer.body or b"{}")
        return str(started.get("id") or started.get("name") or self._url.removeprefix(_MANAGEMENT))


def with_env(container: dict[str, Any], env: Mapping[str, str]) -> dict[str, Any]:
    """A container of the job's template as a start wants it, with variables added or replaced."""
    kept = {key: container[key] for key in _COPIED if container.get(key) is not None}
    # What Azure computed for the template is not for a start to say.
    kept["resources"] = {key: value for key, value in container["resources"].items() if key in ("cpu", "memory")}
    others = [entry for entry in container.get("env") or [] if entry["name"] not in env]
    return {**kept, "env": [*others, *({"name": name, "value": value} for name, value in env.items())]}


def package_digest(folder: Path) -> str:
    """The digest of the running files, as `archive.digest` computes it for the package: what GET /health answers."""
    summed = hashlib.sha256()
    for name in _FILES:
        path = folder / name
        for part in (name.encode(), path.read_bytes() if path.exists() else b""):
            summed.update(len(part).to_bytes(8, "big"))
            summed.update(part)
    return summed.hexdigest()


@cache
def _parts() -> tuple[Settings, BlobClaims, ContainerAppsJobs]:
    env = os.environ
    identity = Identity(env)
    settings = replace(Settings.from_env(env), package=package_digest(Path(__file__).parent))
    return settings, BlobClaims(env["CLAIMS_URL"], identity), ContainerAppsJobs(env["JOB_ID"], identity)


def answer(request: Request) -> Response:
    """Answer one HTTP request."""
    return handle(request, *_parts(), log=_log.info)


def tick(now: datetime) -> Response | None:
    """Start the run of the schedule's time that a tick at `now` stands for; None when it stands for none."""
    when = last_due(os.environ["SCHEDULE_CRON"], os.environ["SCHEDULE_TIMEZONE"], now, _LATE)
    return when and scheduled(when.strftime("%Y-%m-%dT%H:%M:00Z"), *_parts(), log=_log.info)


app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.function_name("webhook")
@app.route(route="{*path}", methods=["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"])
def webhook(req: func.HttpRequest) -> func.HttpResponse:
    """Every path of the app."""
    url = urlsplit(req.url)
    response = answer(
        Request(
            method=req.method,
            path=unquote(url.path),
            query=dict(parse_qsl(url.query)),
            headers={name.lower(): value for name, value in req.headers.items()},
            body=req.get_body(),
        )
    )
    return func.HttpResponse(response.json(), status_code=response.status, mimetype="application/json")


if os.environ.get("SCHEDULE_TICKS"):
    # A time zone that this machine does not know has to fail the deployment, not the first tick.
    due(os.environ["SCHEDULE_CRON"], os.environ["SCHEDULE_TIMEZONE"], datetime.now(UTC))

    @app.function_name("schedule")
    @app.timer_trigger(schedule="%SCHEDULE_TICKS%", arg_name="timer", run_on_startup=False, use_monitor=True)
    def schedule(timer: func.TimerRequest) -> None:
        """A tick in UTC; the schedule's own time zone decides whether it is due."""
        tick(datetime.now(UTC))
