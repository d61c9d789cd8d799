"""The trigger on Cloud Run functions: one HTTP function for every path.

Only urllib and the runtime's functions-framework are used. The account's token and the TLS context are kept across
invocations. The claim store is a prefix of a bucket, the cluster a Cloud Run job.
"""

from __future__ import annotations

import json
import os
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from http.client import HTTPException
from typing import Any
from urllib.parse import quote

import functions_framework

try:
    from core import ClaimError, Request, Response, Settings, StartError, handle
except ImportError:  # in this repository, where the files of the archive are modules of a package
    from trigger.core import ClaimError, Request, Response, Settings, StartError, handle

_METADATA = "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token"
_STORAGE = "https://storage.googleapis.com"
_RUN = "https://run.googleapis.com/v2"
_TIMEOUT, _START_TIMEOUT = 5.0, 20.0
_tls = ssl.create_default_context()


@dataclass
class Answer:
    """Status and body of an HTTP answer, whatever the status."""

    status: int
    body: bytes

    def reason(self) -> str:
        """What the error body says, short."""
        try:
            return str(json.loads(self.body)["error"]["message"])[:300]
        except (ValueError, KeyError, TypeError):
            return ""


def call(
    method: str, url: str, headers: Mapping[str, str], body: bytes | None = None, timeout: float = _TIMEOUT
) -> Answer:
    """One HTTP call. Raises OSError when no answer comes (URLError and time-outs are OSErrors)."""
    # The addresses are Google's own and that of the process's metadata server.
    request = urllib.request.Request(url, data=body, headers=dict(headers), method=method)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=timeout, context=_tls) as response:  # noqa: S310
            return Answer(response.status, response.read())
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.read())
    except HTTPException as error:
        raise OSError(f"the answer broke off ({error!r})") from error


class Identity:
    """The access token of the function's account, from the metadata server."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._token, self._expires = "", 0.0

    def headers(self) -> dict[str, str]:
        """The Authorization header. Raises OSError."""
        with self._lock:
            if self._expires - time.time() < 120:
                answer = call("GET", _METADATA, {"Metadata-Flavor": "Google"})
                if answer.status != 200:
                    raise OSError(f"the metadata server answered {answer.status}")
                found = json.loads(answer.body)
                self._token, self._expires = found["access_token"], time.time() + float(found["expires_in"])
            return {"Authorization": f"Bearer {self._token}"}


class StorageClaims:
    """Claims as objects claims/NODE/... of a bucket."""

    def __init__(self, bucket: str, node: str, identity: Identity) -> None:
        self._objects = f"{_STORAGE}/storage/v1/b/{bucket}/o"
        self._upload = f"{_STORAGE}/upload/storage/v1/b/{bucket}/o"
        self._prefix, self._identity = f"claims/{node}/", identity

    def create(self, key: str, body: bytes) -> bool:
        """Upload that succeeds only when there is no such object (generation 0)."""
        url = f"{self._upload}?uploadType=media&ifGenerationMatch=0&name={quote(self._prefix + key, safe='')}"
        answer = self._send("POST", url, body)
        if answer.status == 200:
            return True
        # Without the right to delete, Google may refuse the overwriting itself before it looks at the condition.
        if answer.status == 412 or (answer.status == 403 and self._exists(key)):
            return False
        raise ClaimError(f"the claim could not be written: {answer.status} {answer.reason()}")

    def list(self, prefix: str) -> list[str]:
        """The objects below a prefix, page by page."""
        keys: list[str] = []
        page = ""
        while True:
            query = f"prefix={quote(self._prefix + prefix, safe='')}&fields=items(name),nextPageToken&pageToken={page}"
            answer = self._send("GET", f"{self._objects}?{query}")
            if answer.status != 200:
                raise ClaimError(f"the claims could not be listed: {answer.status} {answer.reason()}")
            found = json.loads(answer.body)
            keys += [item["name"].removeprefix(self._prefix) for item in found.get("items", [])]
            page = quote(found.get("nextPageToken", ""), safe="")
            if not page:
                return keys

    def read(self, key: str) -> bytes:
        """An object's content."""
        answer = self._send("GET", f"{self._objects}/{quote(self._prefix + key, safe='')}?alt=media")
        if answer.status != 200:
            raise ClaimError(f"the claim could not be read: {answer.status} {answer.reason()}")
        return answer.body

    def _exists(self, key: str) -> bool:
        return self._send("GET", f"{self._objects}/{quote(self._prefix + key, safe='')}").status == 200

    def _send(self, method: str, url: str, body: bytes | None = None) -> Answer:
        try:
            headers = self._identity.headers() | {"Content-Type": "application/json"}
            return call(method, url, headers, body)
        except OSError as error:
            raise ClaimError(f"the claim store did not answer: {error}") from error


class CloudRunJobs:
    """Starts the Cloud Run job JOB (projects/P/locations/L/jobs/J)."""

    def __init__(self, job: str, identity: Identity) -> None:
        self._url = f"{_RUN}/{job}:run"
        self._identity = identity

    def start(self, run_name: str, env: dict[str, str]) -> str:
        """Run with `env` merged into the job's own variables."""
        overrides = {"containerOverrides": [{"env": [{"name": key, "value": value} for key, value in env.items()]}]}
        try:
            headers = self._identity.headers() | {"Content-Type": "application/json"}
            answer = call("POST", self._url, headers, json.dumps({"overrides": overrides}).encode(), _START_TIMEOUT)
            if answer.status != 200:
                raise StartError(f"the job could not be started: {answer.status} {answer.reason()}")
            operation = json.loads(answer.body)
            return str((operation.get("metadata") or {}).get("name") or operation["name"])
        except OSError as error:
            raise StartError(f"Cloud Run did not answer: {error}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise StartError(f"Cloud Run answered something else than expected ({error!r})") from error


@cache
def _parts() -> tuple[Settings, StorageClaims, CloudRunJobs]:
    env, identity = os.environ, Identity()
    settings = Settings.from_env(env)
    claims = StorageClaims(env["CLAIMS_BUCKET"], settings.node, identity)
    return settings, claims, CloudRunJobs(env["JOB"], identity)


def answer(request: Request) -> Response:
    """Answer one HTTP request."""
    return handle(request, *_parts(), log=_line)


def _line(text: str) -> None:
    print(text, flush=True)


@functions_framework.http
def webhook(request: Any) -> tuple[str, int, dict[str, str]]:
    """Every path of the function; `request` is Flask's."""
    response = answer(
        Request(
            method=request.method,
            path=request.path,
            query=request.args.to_dict(),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=request.get_data(),
        )
    )
    return response.json(), response.status, {"Content-Type": "application/json"}
