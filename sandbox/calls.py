"""One HTTP call to a cloud's host and its answer, free of any web framework, and the ASGI app that speaks it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send


@dataclass
class Call:
    """Host lower-case and without port; header names lower-case; `client` is who the gateway says is calling."""

    method: str
    host: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    client: str = ""

    def json(self) -> dict[str, Any]:
        """The body as an object; {} when there is none."""
        value = json.loads(self.body or b"{}")
        return value if isinstance(value, dict) else {}


@dataclass
class Reply:
    """Status, body and headers."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class Refused(Exception):
    """An answer that says no, in the words of the service."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


def reply(body: Any, status: int = 200, **headers: str) -> Reply:
    """A JSON answer."""
    return Reply(status, json.dumps(body).encode(), {"content-type": "application/json; charset=utf-8", **headers})


def serve(answer: Callable[[Call], Reply]) -> ASGIApp:
    """An ASGI app that answers each request with `answer`, in a thread of its own."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        call = Call(
            method=request.method,
            host=request.headers.get("host", "").rsplit(":", 1)[0].lower(),
            path=unquote(scope["raw_path"].decode("latin-1").split("?")[0]),
            query=dict(request.query_params),
            headers=dict(request.headers),
            body=await request.body(),
            client=str(scope.get("state", {}).get("client", "")),
        )
        found = await run_in_threadpool(answer, call)
        await Response(found.body, found.status, found.headers)(scope, receive, send)

    return app
