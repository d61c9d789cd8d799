"""The Functions host of one app: loads function_app.py from a folder and serves its functions on loopback.

Run as a program: `python -P host.py FOLDER PORT`. It needs azure-functions and imports nothing from the sandbox. HTTP
triggers get every path below the routePrefix of host.json. As on the real host, GET /admin/functions lists the
functions, and POST /admin/functions/NAME runs a timer's function.

A line of the app's log belongs to a call of a function. So a line of another thread is lost, unless the thread has
stored the call's id, as on Azure (`azure.functions.Context.thread_local_storage`).
"""

from __future__ import annotations

import inspect
import json
import logging
import os
import re
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

_LOG = logging.getLogger("host")

_SETTING = re.compile(r"%([^%]+)%")
_CALL = threading.local()


class Context:
    """What a function with a parameter `context` learns about its call."""

    thread_local_storage = _CALL

    def __init__(self) -> None:
        self.invocation_id = str(uuid.uuid4())


@contextmanager
def _call() -> Iterator[Context]:
    context = Context()
    _CALL.invocation_id = context.invocation_id
    try:
        yield context
    finally:
        del _CALL.invocation_id


def _belongs_to_a_call(_record: logging.LogRecord) -> bool:
    return hasattr(_CALL, "invocation_id")


def _run(function: Any, argument: Any) -> Any:
    """Call a function's code. Raises whatever that raises, which is logged as part of the call."""
    code, name = function.get_user_function(), function.get_function_name()
    with _call() as context:
        try:
            return code(argument, context) if "context" in inspect.signature(code).parameters else code(argument)
        except Exception:
            _LOG.exception("Executed 'Functions.%s' (Failed)", name)
            raise


class App:
    """The functions of a function_app.py."""

    def __init__(self, folder: Path) -> None:
        host = json.loads((folder / "host.json").read_text())
        if host.get("version") != "2.0":
            raise SystemExit("host.json: expected version 2.0")
        self.prefix = host.get("extensions", {}).get("http", {}).get("routePrefix", "api").strip("/")
        sys.path.insert(0, str(folder))
        import function_app  # type: ignore[import-not-found]
        from azure import functions

        self.api: Any = functions
        apps = [value for value in vars(function_app).values() if isinstance(value, functions.FunctionApp)]
        self.functions: dict[str, Any] = {
            str(function.get_function_name()): function for app in apps for function in app.get_functions()
        }

    def listing(self) -> list[dict[str, Any]]:
        """Return each function's name and trigger, with settings written as %NAME% resolved."""
        listed = []
        for name, function in self.functions.items():
            trigger = json.loads(json.dumps(function.get_trigger().get_dict_repr(), default=lambda value: value.value))
            if "schedule" in trigger:
                trigger["schedule"] = _SETTING.sub(lambda match: os.environ[match.group(1)], trigger["schedule"])
            listed.append({"name": name, "trigger": trigger})
        return listed

    def route(self, method: str, path: str) -> tuple[Any, dict[str, str]] | int:
        """Return the function for a request with the route's values, or the status of a refusal."""
        refusal = 404
        for function in self.functions.values():
            trigger = function.get_trigger().get_dict_repr()
            if trigger["type"] != "httpTrigger":
                continue
            route = "/".join(
                part for part in (self.prefix, trigger.get("route") or function.get_function_name()) if part
            )
            pattern = re.sub(r"\\\{\\\*(\w+)\\\}", r"(?P<\1>.*)", re.escape(route))
            pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", pattern)
            match = re.fullmatch(pattern, path.strip("/"))
            if match is None:
                continue
            methods = [method.value for method in trigger.get("methods") or []]
            if not methods or method in methods:
                return function, match.groupdict()
            refusal = 405
        return refusal


class Handler(BaseHTTPRequestHandler):
    """Handles requests to the host."""

    app: App
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        path = urlsplit(self.path).path
        if path.startswith("/admin/functions"):
            self._administer(path)
            return
        route = self.app.route(self.command, path)
        if isinstance(route, int):
            self._answer(route, b"", "text/plain")
            return
        function, values = route
        headers = dict(self.headers.items())
        request = self.app.api.HttpRequest(
            self.command,
            f"https://{headers.get('x-forwarded-host', 'localhost')}{self.path}",
            headers=headers,
            params=dict(parse_qsl(urlsplit(self.path).query)),
            route_params=values,
            body=body,
        )
        try:
            result = _run(function, request)
        except Exception:  # noqa: BLE001 - any exception is a failure of the function
            self._answer(500, b"", "text/plain")
            return
        self._answer(result.status_code, result.get_body(), result.mimetype)

    def _administer(self, path: str) -> None:
        name = path.removeprefix("/admin/functions").strip("/")
        if not name:
            self._answer(200, json.dumps(self.app.listing()).encode(), "application/json")
        elif name not in self.app.functions:
            self._answer(404, b"", "text/plain")
        else:
            from azure.functions.timer import TimerRequest

            with suppress(Exception):
                _run(self.app.functions[name], TimerRequest(past_due=False))
            self._answer(202, b"", "text/plain")

    def _answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = _serve  # noqa: N815 - the base class calls these names

    def log_message(self, format: str, *args: Any) -> None:
        """Discard the access log, which is not part of the app's log."""


def main() -> None:
    """Serve the folder and port from the command line."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    logging.getLogger().handlers[0].addFilter(_belongs_to_a_call)
    Handler.app = App(Path(sys.argv[1]).resolve())
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Handler).serve_forever()


if __name__ == "__main__":
    main()
