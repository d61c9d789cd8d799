"""Serves a site on a port of 127.0.0.1 until Ctrl-C."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

import uvicorn

from pnodes.dashboard.server import Site
from pnodes.dashboard.watch import Watch


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


class Serving(uvicorn.Server):
    """The site of a watch on a socket. `ready` is given the page's address, and the one that works once."""

    def __init__(self, watch: Watch, opened: socket.socket, ready: Callable[[str, str], None]) -> None:
        site = Site(watch)
        quiet = uvicorn.Config(
            site.app, log_level="error", access_log=False, server_header=False, date_header=False, lifespan="off",
            timeout_graceful_shutdown=1,
        )  # fmt: skip
        super().__init__(quiet)
        self._watch, self._opened, self._ready = watch, opened, ready
        origin = f"http://127.0.0.1:{opened.getsockname()[1]}"
        self.address, self.once = origin + site.path, origin + site.door

    def serve_until_stopped(self) -> None:
        """Serve until Ctrl-C, or `should_exit`."""
        self._watch.start()
        try:
            self.run(sockets=[self._opened])
        except KeyboardInterrupt:
            pass  # the way to end it
        finally:
            self._watch.stop()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready(self.address, self.once)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._watch.stop()  # who follows a log is let go first
        await super().shutdown(sockets)
