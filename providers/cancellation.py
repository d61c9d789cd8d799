"""How an image build learns that the user cancels `up`: the engine's first Ctrl-C (or SIGTERM).

The engine then tells every provider, and waits for what is under way. Pulumi's host for dynamic resources answers and
passes nothing on, and it answers in the same few threads in which builds are waited for, so that four builds would keep
it from hearing anything. `listen` changes both in the host's process; anywhere else it does nothing.
"""

from __future__ import annotations

import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from google.protobuf import empty_pb2

cancelled = threading.Event()
"""Set once the update is cancelled; the process ends with the update."""

_THREADS = 256


def listen() -> None:
    """Hear of a cancelled update from now on. Called by a thread that serves the engine."""
    servicer = getattr(sys.modules["__main__"], "DynamicResourceProviderServicer", None)
    if servicer is None:
        return
    # The server holds on to the method itself: what it does can be replaced, the method cannot.
    servicer.Cancel.__code__ = _cancel.__code__
    pool = _own_pool()
    if pool is not None:
        pool._max_workers = max(pool._max_workers, _THREADS)


def _cancel(self: Any, request: Any, context: Any) -> Any:
    """Runs as the host's own method, among its names: hence the import, and `empty_pb2`, which the host has too."""
    from providers.cancellation import cancelled

    cancelled.set()
    return empty_pb2.Empty()


def _own_pool() -> ThreadPoolExecutor | None:
    """The pool of threads that this thread belongs to: a pool's threads carry a weak reference to it."""
    for argument in getattr(threading.current_thread(), "_args", None) or ():
        found = argument() if isinstance(argument, weakref.ref) else None
        if isinstance(found, ThreadPoolExecutor):
            return found
    return None
