"""Serves a site on a port of 127.0.0.1 until Ctrl-C."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

import uvicorn

from dashboard.server import Site
from dashboard.watch import Watch


class PortTaken(Exception):
    """The port cannot be had; the text says why."""


def listen(port: int) -> socket.socket:
    """A socket on 127.0.0.1 and no other address; a free port for 0. Raises PortTaken."""
    opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if os.name == "posix":
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind(("127.0.0.1", port))
    except OSError as error:
        opened.close()
        raise PortTaken(f"port {port} of 127.0.0.1 cannot be had ({error.strerror})") from error
    return opened


def serve(watch: Watch, opened: socket.socket, ready: Callable[[str, str], None]) -> None:
    """Serve until Ctrl-C. `ready` is given the page's address, and the one that works once, when both are answered."""
    site = Site(watch)
    config = uvicorn.Config(
        site.app, log_level="error", access_log=False, server_header=False, date_header=False, lifespan="off",
        timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = _Server(config, watch)
    origin = f"http://127.0.0.1:{opened.getsockname()[1]}"
    server.ready = lambda: ready(origin + site.path, origin + site.door)
    watch.start()
    try:
        server.run(sockets=[opened])
    except KeyboardInterrupt:
        pass  # the way to end it
    finally:
        watch.stop()


class _Server(uvicorn.Server):
    """Tells when it listens, and lets those who follow a log go when it is to end."""

    def __init__(self, config: uvicorn.Config, watch: Watch) -> None:
        super().__init__(config)
        self._watch = watch
        self.ready: Callable[[], None] = lambda: None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._watch.stop()
        await super().shutdown(sockets)
