"""The patches of third-party code: three, all of Pulumi's host for dynamic providers (`python -m pulumi.dynamic`).

They are applied in the host's process when the first of our providers is configured (`providers.resource.Provider`),
and nowhere else. They rely on the host's private parts, so they are applied only to the version of Pulumi that they
were checked with. requirements.txt pins it: a user has another version only after changing the pin. Everything works
without the patches, with worse messages and a slower Ctrl-C, so on another version the host says so and goes on.

To move the pin, compare the new version's host (pulumi/dynamic/__main__.py) with the old one, see whether the issues
named below are solved, adapt the patches, and set `CHECKED`. A test fails until then.
"""

from __future__ import annotations

import functools
import importlib.metadata
import sys
import threading
import traceback
import weakref
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType, SimpleNamespace
from typing import Any

from google.protobuf import empty_pb2

from providers.refusal import Refusal

CHECKED = "3.272.0"
"""The version of Pulumi's Python SDK whose host was read for these patches."""

_THREADS = 256


def patch_provider_host() -> None:
    """Apply all patches if this process is Pulumi's provider host. Called in a thread that serves the engine."""
    host = sys.modules["__main__"]
    if hasattr(host, "DynamicResourceProviderServicer"):
        _patch_once(host)


@functools.cache
def _patch_once(host: ModuleType) -> None:
    installed = importlib.metadata.version("pulumi")
    if installed != CHECKED:
        print(
            f"warning: this project was checked with version {CHECKED} of Pulumi's Python SDK, and {installed} is "
            "installed: error messages may come with a traceback, and Ctrl-C may wait for image builds to end. Install "
            "the packages of requirements.txt (`pulumi install`).",
            flush=True,
        )
        return
    show_refusals_without_traceback(host)
    pass_cancel_on(host)
    serve_more_calls_at_once()


def show_refusals_without_traceback(host: ModuleType) -> None:
    """Answer the engine with a Refusal's sentence alone; a bug of ours still shows a traceback.

    The host answers with `traceback.format_exc()`. Only its own name `traceback` is given another meaning; the standard
    library is left alone. Upstream: github.com/pulumi/pulumi/issues/10416 (open) wants provider errors without call
    stacks; nothing is known for dynamic providers in particular.
    """

    def format_exc() -> str:
        error = sys.exception()
        return str(error) if isinstance(error, Refusal) else traceback.format_exc()

    vars(host)["traceback"] = SimpleNamespace(format_exc=format_exc)


def pass_cancel_on(host: ModuleType) -> None:
    """Set `providers.cancellation.cancelled` at the engine's first Ctrl-C or SIGTERM.

    The engine calls Cancel of every provider (since github.com/pulumi/pulumi/pull/1633) and waits for the operations in
    progress; the host answers and does nothing. No upstream issue is known. The server holds the method object, so its
    code is replaced.
    """
    vars(host)["DynamicResourceProviderServicer"].Cancel.__code__ = _cancel.__code__


def _cancel(self: Any, request: Any, context: Any) -> Any:
    """Runs with the globals of the host, which has `empty_pb2` too, but not `cancelled`."""
    from providers.cancellation import cancelled

    cancelled.set()
    return empty_pb2.Empty()


def serve_more_calls_at_once() -> None:
    """Let more than four calls run at once.

    The host has four threads: four image builds would block all other resources, and Cancel. No upstream issue is
    known. A pool's threads hold a weak reference to it, by which this thread finds its own pool.
    """
    for argument in getattr(threading.current_thread(), "_args", None) or ():
        pool = argument() if isinstance(argument, weakref.ref) else None
        if isinstance(pool, ThreadPoolExecutor):
            pool._max_workers = max(pool._max_workers, _THREADS)
