"""Serve the dashboard on a port of 127.0.0.1 until Ctrl-C."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

import uvicorn

from pnodes.dashboard.server import Site
from pnodes.dashboard.watch import Watch
from pnodes.errors import UserError


def listen(port: int) -> socket.socket:
    """Open a socket on 127.0.0.1 only; port 0 picks a free port. Raises UserError."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if os.name == "posix":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        reason = f"port {port} of 127.0.0.1 is not available ({error.strerror})"
        raise UserError(f"{reason}. Omit --port to use a free one.", 2) from None
    return listener


class Serving(uvicorn.Server):
    """Serves the page of a watch on a socket; calls `ready` with the page's address and its one-time address."""

    def __init__(self, watch: Watch, listener: socket.socket, ready: Callable[[str, str], None]) -> None:
        site = Site(watch)
        quiet = uvicorn.Config(
            site.app, log_level="error", access_log=False, server_header=False, date_header=False, lifespan="off",
            timeout_graceful_shutdown=1,
        )  # fmt: skip
        super().__init__(quiet)
        self._watch, self._opened, self._ready = watch, listener, ready
        origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self.address, self.one_time_address = origin + site.path, origin + site.one_time_path

    def serve_until_stopped(self) -> None:
        """Serve until Ctrl-C or until `should_exit` is set."""
        self._watch.start()
        try:
            self.run(sockets=[self._opened])
        except KeyboardInterrupt:
            pass  # the usual way to stop
        finally:
            self._watch.stop()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready(self.address, self.one_time_address)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._watch.stop()  # first, so that requests that follow a log end
        await super().shutdown(sockets)
