"""ASGI apps between a client and a storage service: a relay to another process, and faults that tests order."""

from __future__ import annotations

import httpx
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOST, DENIED = "lost", "denied"
"""Faults after the effect: the answer breaks off, or it is a 503."""
_OWN = {"connection", "content-length", "transfer-encoding", "keep-alive", "date", "server"}


class Relay:
    """Passes requests on to a server on loopback, with the path and the headers (so the host, too) as they came."""

    def __init__(self, port: int, scheme: str = "http") -> None:
        self._port, self._scheme = port, scheme
        self._client: httpx.AsyncClient | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # The servers have certificates of other names, and each test has its own loop.
        self._client = self._client or httpx.AsyncClient(verify=False, trust_env=False, timeout=30)  # noqa: S501
        request = Request(scope, receive)
        query = scope["query_string"]
        path = scope["raw_path"].split(b"?")[0] + (b"?" + query if query else b"")
        url = httpx.URL(scheme=self._scheme, host="127.0.0.1", port=self._port, raw_path=path)
        headers = [(name, value) for name, value in scope["headers"] if name not in (b"connection", b"content-length")]
        body = await request.body()
        answer = await self._client.request(scope["method"], url, headers=headers, content=body)
        kept = {name: value for name, value in answer.headers.items() if name not in _OWN}
        await Response(answer.content, answer.status_code, kept)(scope, receive, send)


class Faulty:
    """Answers as `app` does. `faults` are those of the next requests: a status instead of the effect, LOST, DENIED."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.faults: list[int | str] = []
        self.calls = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.calls += 1
        fault = self.faults.pop(0) if self.faults else 0
        if not fault:
            await self._app(scope, receive, send)
            return
        if isinstance(fault, int):
            await Request(scope, receive).body()
            await Response(b"ordered by a test", fault)(scope, receive, send)
            return
        await self._app(scope, receive, _ignore)
        if fault == DENIED:
            await Response(b"ordered by a test", 503)(scope, receive, send)
            return
        # Less than was announced: the server closes the connection in the middle of the answer.
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})
        await send({"type": "http.response.body", "body": b"<"})


async def _ignore(message: Message) -> None:
    """Take the answer that is lost."""
