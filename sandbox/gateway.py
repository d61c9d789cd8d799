"""The sandbox's network: an HTTP(S) proxy on loopback that answers for the clouds' and Numerai's real host names.

Environment variables make clients use the proxy. The gateway accepts CONNECT, terminates TLS with a certificate of the
sandbox's authority, and passes the request to the ASGI app of the host. The user part of a client's proxy URL
identifies the client; apps receive it as `request.state.client`. For any other host the gateway answers with an error,
except in the user's own shell, which gets a tunnel to hosts that the sandbox does not simulate.
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

from sandbox import tunnel
from sandbox.authority import Authority

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_LOG = logging.getLogger(__name__)
_MAX_HEAD = 64 * 1024
Owner = Callable[[str], "ASGIApp | None"]


_WHO = (
    b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=sandbox\r\n"
    b"Content-Length: 0\r\nConnection: close\r\n\r\n"
)


class Gateway:
    """Listens on 127.0.0.1; `owner` returns the app of a host name (lower case, without port)."""

    def __init__(self, authority: Authority, owner: Owner) -> None:
        self._authority, self._owner = authority, owner
        self._config = Config(_router(owner), lifespan="off", log_config=None, access_log=False, ws="none")
        self._config.load()
        self._state = ServerState()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def start(self, port: int = 0) -> None:
        """Start listening; `port` 0 chooses a free port."""
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
            client = _read_client(head)
            host, _, port = target.lower().rpartition(":")
            if method == "CONNECT" and self._owner(host) is None and tunnel.is_allowed(client, host):
                await self._open_tunnel((reader, writer), host, int(port))
            elif method == "CONNECT" and self._owner(host) is None and not client:
                # git sends the user of the proxy's URL only when it is asked for it.
                writer.write(_WHO)
                writer.close()
            elif method == "CONNECT":
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                await writer.drain()
                await self._hand_over(writer, client, host, b"")
            else:
                # The data received together with the head; asyncio has no public way to put it back.
                buffered = bytes(reader._buffer)  # type: ignore[attr-defined]
                await self._hand_over(writer, client, None, head + buffered)
        except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            _LOG.debug("a connection ended early: %r", error)
            writer.close()

    async def _open_tunnel(self, inner: tunnel.Streams, host: str, port: int) -> None:
        try:
            outer = await tunnel.connect(host, port)
        except OSError as error:
            inner[1].write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
            _LOG.info("no tunnel to %s: %r", host, error)
            inner[1].close()
            return
        inner[1].write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await tunnel.relay(inner, outer)

    async def _hand_over(self, writer: asyncio.StreamWriter, client: str, host: str | None, data: bytes) -> None:
        """Pass the connection to uvicorn's HTTP protocol, with TLS if the client sent CONNECT for a host."""
        loop = asyncio.get_running_loop()
        state: dict[str, Any] = {"client": client}
        inner = H11Protocol(self._config, self._state, state, loop)
        buffer = _BufferingProtocol(inner, writer)
        transport: Any = writer.transport
        if host is None:
            transport.set_protocol(buffer)
        else:
            transport.pause_reading()
            transport = await loop.start_tls(transport, buffer, self._authority.context(host), server_side=True)
        buffer.begin(transport, data)


class _BufferingProtocol(asyncio.Protocol):
    """Buffers data that arrives before the inner protocol has its transport."""

    def __init__(self, inner: H11Protocol, writer: asyncio.StreamWriter) -> None:
        self._inner, self._buffer, self._begun, self._lost = inner, b"", False, False
        # Keep a reference: a garbage-collected writer closes its connection, even during a slow answer.
        self._writer = writer

    def begin(self, transport: asyncio.Transport, data: bytes) -> None:
        self._begun = True
        if self._lost:
            return
        self._inner.connection_made(transport)
        if data + self._buffer:
            self._inner.data_received(data + self._buffer)

    def data_received(self, data: bytes) -> None:
        if self._begun:
            self._inner.data_received(data)
        else:
            self._buffer += data

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


def _read_client(head: bytes) -> str:
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
        if path.startswith(("http://", "https://")):  # the absolute form that clients send to a proxy for plain HTTP
            scope["path"] = urlsplit(path).path or "/"
            scope["raw_path"] = urlsplit(scope["raw_path"].decode("latin-1")).path.encode("latin-1") or b"/"
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1").rsplit(":", 1)[0].lower()
        # No query, which may hold a token. AWS names the operation in a header.
        operation = dict(scope["headers"]).get(b"x-amz-target", b"-").decode("latin-1")
        client = scope["state"]["client"] or "-"
        _LOG.info("call: %s %s %s%s %s", client, scope["method"], host, scope["path"], operation)
        host_app = owner(host)
        if host_app is None:
            await _refuse_host(host, send)
        else:
            await host_app(scope, receive, send)

    return app


async def _refuse_host(host: str, send: Send) -> None:
    body = json.dumps({"error": f"the sandbox has no host {host} and no access to the internet"}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 502, "headers": headers})
    await send({"type": "http.response.body", "body": body})
