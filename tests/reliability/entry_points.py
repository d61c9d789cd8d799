"""The three clouds' entry points, called as their clouds call them, with stand-ins of their services behind them."""

from __future__ import annotations

import base64
import importlib
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from typing import Any
from unittest import mock
from urllib.parse import urlencode, urlsplit

import azure.functions as func
import flask

from tests.reliability.fleet import Node, make_nodes
from tests.reliability.functions import SERVICES, Process
from tests.reliability.jobs import Job
from tests.reliability.services import Services
from trigger import aws, gcp, http_call
from trigger.http_call import Answer

azure = importlib.import_module("trigger.azure")
_APP = flask.Flask("function")
PROCESSES = 20
"""How many processes of a function there are; the calls are distributed among them."""


class Deployment:
    """A cloud's function with one node, and the services behind it. Safe to use from several threads."""

    def __init__(self, cloud: str, processes: int = PROCESSES, now: Callable[[], float] = time.time) -> None:
        self.cloud = cloud
        self.node: Node = next(node for node in make_nodes(3) if node.cloud == cloud)
        self.jobs: list[dict[str, str]] = []
        self.requests: Counter[str] = Counter()
        self.lines: list[str] = []
        self.services: Services = SERVICES[cloud]([self.node.make_row(cloud, "900-2")], self._start, lambda _: [])
        self.processes = [Process(cloud, now, lambda _: None, self.lines.append) for _ in range(processes)]
        self._next, self._lock = count(), threading.Lock()

    def _start(self, node: str, run_id: str, env: dict[str, str]) -> Job:
        with self._lock:
            self.jobs.append(env)
            return Job(f"job-{len(self.jobs)}", self.node, run_id, env, 0, 0, 0, "")

    def call_service(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None, timeout: float = 5.0
    ) -> Answer:
        """Take the place of `http_call.call`."""
        parts = urlsplit(url)
        service = self.services.find_service(method, parts.netloc, parts.path)
        table = ("prefix=table" in parts.query) or ("include=metadata" in parts.query)
        with self._lock:
            self.requests["table" if table else service] += 1
        return self.services.answer(method, url, headers, body)

    def choose(self) -> Any:
        """Return the next process's trigger."""
        return self.processes[next(self._next) % len(self.processes)].trigger

    def open_watch(self) -> Any:
        """Return the first process's watch."""
        return self.processes[0].watch

    def send(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
    ) -> tuple[int, str]:
        """Call the entry point; return status and body of the answer. `path` is decoded, as a sender means it."""
        return _SENDERS[self.cloud](method, path, query, headers, body)


def _send_aws(
    method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
) -> tuple[int, str]:
    event = {
        "rawPath": path,
        "rawQueryString": urlencode(query, errors="replace"),
        "headers": dict(headers),
        "requestContext": {"http": {"method": method}},
        # Lambda gives a body that is no text in base 64.
        **_write_body(body),
    }
    answer = aws.handler(json.loads(json.dumps(event)))
    assert answer is not None
    return answer["statusCode"], answer["body"]


def _write_body(body: bytes) -> dict[str, Any]:
    try:
        return {"body": body.decode(), "isBase64Encoded": False}
    except UnicodeDecodeError:
        return {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}


def _send_gcp(
    method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
) -> tuple[int, str]:
    environ = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path.encode(errors="replace").decode("latin-1"),
        "QUERY_STRING": urlencode(query, errors="replace"),
        "SERVER_NAME": "f",
        "SERVER_PORT": "443",
        "wsgi.url_scheme": "https",
        "wsgi.input": _Body(body),
        "CONTENT_LENGTH": str(len(body)),
        **{f"HTTP_{name.upper().replace('-', '_')}": text for name, text in headers.items()},
    }
    answer: Any = gcp.webhook(_APP.request_class(environ))
    return int(answer[1]), str(answer[0])


class _Body:
    """A request's body as a WSGI server gives it."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def read(self, size: int = -1) -> bytes:
        body, self._body = self._body, b""
        return body


def _send_azure(
    method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
) -> tuple[int, str]:
    text = urlencode(query, errors="replace")
    # The host passes the address on as it came, in which other characters than these are encoded.
    encoded = urlencode({"": path}, safe="/:@", errors="replace")[1:].replace("+", "%20")
    url = f"https://trigger.azurewebsites.net{encoded}{'?' if text else ''}{text}"
    request = func.HttpRequest(method, url, headers=dict(headers), body=body)
    answer = azure.webhook._function.get_user_function()(request)
    return answer.status_code, answer.get_body().decode()


_SENDERS = {"aws": _send_aws, "gcp": _send_gcp, "azure": _send_azure}


@contextmanager
def open_deployment(cloud: str, **arguments: Any) -> Iterator[Deployment]:
    """Let the entry points call the services of a deployment."""
    deployment = Deployment(cloud, **arguments)
    module = {"aws": aws, "gcp": gcp, "azure": azure}[cloud]
    name = {"aws": "_trigger", "gcp": "build_trigger", "azure": "open_trigger"}[cloud]
    with (
        mock.patch.object(http_call, "call", deployment.call_service),
        mock.patch.object(http_call, "PAUSES", (0.0, 0.0)),
        mock.patch.object(aws, "call", deployment.call_service),
        mock.patch.object(azure, "call", deployment.call_service),
        mock.patch.object(module, name, deployment.choose),
        mock.patch.object(module, "_open_watch", deployment.open_watch),
    ):
        yield deployment
