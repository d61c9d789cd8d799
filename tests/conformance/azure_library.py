"""Runs a function app in Microsoft's worker library (azure-functions-runtime) and serves it by HTTP: FOLDER PORT.

On Azure, the library runs below a proxy that speaks gRPC with the host; from Python 3.13 on, it loads the app, indexes
its functions and converts requests and answers. Here, this program takes the proxy's place: its messages have the
members of the protocol's, without the protocol.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from typing import Any

import azure_functions_runtime as library


class Message(SimpleNamespace):
    """A message of the protocol. Members that were not set are empty."""

    Failure, Success, undefined, out, inout = 0, 1, 0, 1, 2

    def __getattr__(self, name: str) -> Any:
        if not name.islower() or name.startswith("__"):  # a type's name, or one of Python's own
            raise AttributeError(name)
        return Message()

    def __bool__(self) -> bool:
        return bool(vars(self))

    def CopyFrom(self, other: Message) -> None:  # noqa: N802 - the protocol's messages have this name
        """Take the other message's members."""
        vars(self).update(vars(other))

    def WhichOneof(self, _group: str) -> str | None:  # noqa: N802
        """Return the member with the value: the only one, beside a name."""
        return next((name for name in vars(self) if name != "name"), None)


class Protocol:
    """The module of the protocol's messages."""

    def __getattr__(self, name: str) -> type[Message]:
        return Message


class App:
    """A loaded function app."""

    def __init__(self, folder: str) -> None:
        self._loop, self._numbers = asyncio.new_event_loop(), itertools.count()
        sys.path.insert(0, folder)  # as the proxy does
        library.start_threadpool_executor()
        properties = {"host": "127.0.0.1", "protos": Protocol()}
        init = Message(capabilities={}, function_app_directory=folder, host_version="4.1000.0")
        self._call(library.worker_init_request, properties, worker_init_request=init)
        answer = self._call(library.functions_metadata_request, properties)
        self._ids = {each.name: each.function_id for each in answer.function_metadata_results}

    def _call(self, function: Any, properties: dict[str, Any], **content: Message) -> Any:
        request = SimpleNamespace(request=SimpleNamespace(**content), properties=properties)
        answer = self._loop.run_until_complete(function(request))
        if answer.result.status != Message.Success:
            raise RuntimeError(str(answer.result))
        return answer

    def invoke(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        """Call the function `webhook` as the host does."""
        http = Message(
            method=method,
            url=f"https://trigger.azurewebsites.net{path}",
            headers=headers,
            query={},
            params={},
            nullable_headers={},
            nullable_query={},
            nullable_params={},
            body=Message(bytes=body) if body else Message(),
        )
        data = [Message(name="req", data=Message(http=http))]
        number = str(next(self._numbers))
        request = Message(
            invocation_id=number,
            function_id=self._ids["webhook"],
            input_data=data,
            trigger_metadata={},
            trace_context=Message(trace_parent="", trace_state="", attributes={}),
            retry_context=Message(retry_count=0, max_retry_count=0),
        )
        answer = self._call(library.invocation_request, {}, invocation_request=request)
        http = answer.return_value.http
        return int(http.status_code), http.body.bytes or b""


def serve(app: App, port: int) -> None:
    """Answer requests, one after another."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, content = app.invoke(self.command, self.path, headers, body)
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _answer  # noqa: N815 - the base class calls these names

    HTTPServer(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    serve(App(sys.argv[1]), int(sys.argv[2]))
