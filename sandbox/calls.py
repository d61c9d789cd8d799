"""One HTTP call to a cloud's host and its answer, independent of a web framework, and the ASGI app that serves them."""

from __future__ import annotations

import asyncio
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
    """A request: host in lower case without port, header names in lower case, `client` as identified by the gateway."""

    method: str
    host: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    client: str = ""

    def json(self) -> dict[str, Any]:
        """Return the body as an object; {} if it is empty."""
        value = json.loads(self.body or b"{}")
        return value if isinstance(value, dict) else {}


@dataclass
class Reply:
    """An answer: status, body and headers. It is sent after `delay` seconds."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0


class Refused(Exception):
    """The service refuses the call; status, code and message are those of the real service."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


def reply(body: Any, status: int = 200, **headers: str) -> Reply:
    """Build a JSON answer."""
    return Reply(status, json.dumps(body).encode(), {"content-type": "application/json; charset=utf-8", **headers})


def serve(answer: Callable[[Call], Reply]) -> ASGIApp:
    """Build an ASGI app that calls `answer` for each request, in a thread."""

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
        response = await run_in_threadpool(answer, call)
        await asyncio.sleep(response.delay)
        await Response(response.body, response.status, response.headers)(scope, receive, send)

    return app
