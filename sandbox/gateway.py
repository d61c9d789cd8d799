"""The sandbox's network: an HTTP(S) proxy on loopback that answers for the clouds' and Numerai's real host names.

Clients are told by their environment to use it. CONNECT is answered, TLS is ended with a certificate of the sandbox's
authority, and the request goes to the ASGI app that owns the host. Which client calls is the user part of its proxy URL
and reaches apps as `request.state.client`. A host that nobody owns gets a sentence, never the internet.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from sandbox.authority import Authority

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_LOG = logging.getLogger(__name__)
_MAX_HEAD = 64 * 1024
Owner = Callable[[str], "ASGIApp | None"]


class Gateway:
    """Listens on 127.0.0.1; `owner` finds the app of a host name (lower case, without port)."""

    def __init__(self, authority: Authority, owner: Owner) -> None:
        self._authority = authority
        self._config = Config(_router(owner), lifespan="off", log_config=None, access_log=False, ws="none")
        self._config.load()
        self._state = ServerState()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def start(self, port: int = 0) -> None:
        """Begin to listen; `port` 0 takes a free one."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port, limit=_MAX_HEAD)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            method, target, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
            client = _client(head)
            if method == "CONNECT":
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                await writer.drain()
                await self._hand_over(writer, client, target.rsplit(":", 1)[0].lower(), b"")
            else:
                # What came together with the head: asyncio has no public way to take it back.
                rest = bytes(reader._buffer)  # type: ignore[attr-defined]
                await self._hand_over(writer, client, None, head + rest)
        except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            _LOG.debug("a connection ended early: %r", error)
            writer.close()

    async def _hand_over(self, writer: asyncio.StreamWriter, client: str, host: str | None, seen: bytes) -> None:
        """Give the connection to uvicorn's HTTP protocol, inside TLS when a host was asked for by CONNECT."""
        loop = asyncio.get_running_loop()
        state: dict[str, Any] = {"client": client}
        inner = H11Protocol(self._config, self._state, state, loop)
        late = _Late(inner, writer)
        transport: Any = writer.transport
        if host is None:
            transport.set_protocol(late)
        else:
            transport.pause_reading()
            transport = await loop.start_tls(transport, late, self._authority.context(host), server_side=True)
        late.begin(transport, seen)


class _Late(asyncio.Protocol):
    """Holds back what arrives before the inner protocol knows its transport."""

    def __init__(self, inner: H11Protocol, writer: asyncio.StreamWriter) -> None:
        self._inner, self._held, self._begun, self._lost = inner, b"", False, False
        # A writer that nobody holds closes its connection as it is collected, in the middle of a slow answer.
        self._writer = writer

    def begin(self, transport: asyncio.Transport, seen: bytes) -> None:
        self._begun = True
        if self._lost:
            return
        self._inner.connection_made(transport)
        if seen + self._held:
            self._inner.data_received(seen + self._held)

    def data_received(self, data: bytes) -> None:
        if self._begun:
            self._inner.data_received(data)
        else:
            self._held += data

    def eof_received(self) -> None:
        if self._begun:
            self._inner.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        if self._begun:
            self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()


def _client(head: bytes) -> str:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"proxy-authorization":
            scheme, _, credentials = value.strip().partition(b" ")
            if scheme.lower() == b"basic":
                return unquote(base64.b64decode(credentials).decode().rpartition(":")[0])
    return ""


def _router(owner: Owner) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        path = scope["path"]
        if path.startswith(("http://", "https://")):  # the absolute form that proxies get for plain HTTP
            scope["path"] = urlsplit(path).path or "/"
            scope["raw_path"] = urlsplit(scope["raw_path"].decode("latin-1")).path.encode("latin-1") or b"/"
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1").rsplit(":", 1)[0].lower()
        found = owner(host)
        if found is None:
            await _no_such_host(host, send)
        else:
            await found(scope, receive, send)

    return app


async def _no_such_host(host: str, send: Send) -> None:
    body = json.dumps({"error": f"the sandbox has no host {host}, and it does not reach the internet"}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 502, "headers": headers})
    await send({"type": "http.response.body", "body": body})
