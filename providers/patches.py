"""The five patches of third-party code: three of Pulumi's host for dynamic providers, two of its SDK in the program.

Those of the host (`python -m pulumi.dynamic`) are applied in its process, when the first of our providers is configured
(`providers.resource.Provider`); those of the SDK by `__main__.py`. They depend on private parts of Pulumi, so they are
applied only to the version of Pulumi with which they were checked. requirements.txt pins that version. With any other
version, the host prints a warning, and everything works without the patches: error messages are worse, Ctrl-C and large
fleets are slower.

To change the pin, compare the new version's host (pulumi/dynamic/__main__.py), `wait_for_rpcs`
(pulumi/runtime/stack.py) and `_get_stack_trace` (pulumi/runtime/resource.py) with the old ones, check whether the
issues named below are solved, adapt the patches, and set `CHECKED`. A test fails until then.
"""

from __future__ import annotations

import asyncio
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
from pulumi.runtime import resource, stack
from pulumi.runtime.proto import source_pb2

from providers.refusal import Refusal

CHECKED = "3.272.0"
"""The version of Pulumi's Python SDK with which these patches were checked."""

_THREADS = 256


def patch_program() -> None:
    """Apply the patches of the SDK to this process, which runs the Pulumi program."""
    if importlib.metadata.version("pulumi") == CHECKED:
        wait_for_outputs_together()
        omit_stack_traces()


def patch_provider_host() -> None:
    """Apply all patches if this process is Pulumi's provider host. Call it in a thread that serves the engine."""
    host = sys.modules["__main__"]
    if hasattr(host, "DynamicResourceProviderServicer"):
        _patch_once(host)


@functools.cache
def _patch_once(host: ModuleType) -> None:
    installed = importlib.metadata.version("pulumi")
    if installed != CHECKED:
        print(
            f"warning: this project was checked with version {CHECKED} of Pulumi's Python SDK, and {installed} is "
            "installed: error messages may include a traceback, and Ctrl-C may wait for image builds to end. Install "
            "the packages of requirements.txt (`pulumi install`).",
            flush=True,
        )
        return
    show_refusals_without_traceback(host)
    forward_cancellation(host)
    serve_more_calls_at_once()


def show_refusals_without_traceback(host: ModuleType) -> None:
    """Answer the engine with the sentence of a Refusal, without a traceback. Other errors keep their traceback.

    The host answers with `traceback.format_exc()`. The patch replaces the name `traceback` in the host's module and
    does not change the standard library. Upstream: github.com/pulumi/pulumi/issues/10416 (open) asks for provider
    errors without call stacks; we know of no issue about dynamic providers.
    """

    def format_exc() -> str:
        error = sys.exception()
        return str(error) if isinstance(error, Refusal) else traceback.format_exc()

    vars(host)["traceback"] = SimpleNamespace(format_exc=format_exc)


def forward_cancellation(host: ModuleType) -> None:
    """Set `providers.cancellation.cancelled` at the engine's first Ctrl-C or SIGTERM.

    The engine calls every provider's Cancel (since github.com/pulumi/pulumi/pull/1633) and waits for the operations in
    progress; the unpatched host ignores the call. We know of no upstream issue. The server already holds the method
    object, so the patch replaces the method's code.
    """
    vars(host)["DynamicResourceProviderServicer"].Cancel.__code__ = _cancel.__code__


def _cancel(self: Any, request: Any, context: Any) -> Any:
    """Runs with the globals of the host, which include `empty_pb2` but not `cancelled`."""
    from providers.cancellation import cancelled

    cancelled.set()
    return empty_pb2.Empty()


def serve_more_calls_at_once() -> None:
    """Let more than four calls run at once.

    The host has four threads, so four image builds would block all other resources, and Cancel. We know of no upstream
    issue. Each thread of a pool holds a weak reference to the pool; this thread finds its own pool by it.
    """
    for argument in getattr(threading.current_thread(), "_args", None) or ():
        pool = argument() if isinstance(argument, weakref.ref) else None
        if isinstance(pool, ThreadPoolExecutor):
            pool._max_workers = max(pool._max_workers, _THREADS)


def wait_for_outputs_together() -> None:
    """Let the SDK wait for all outputs at once when the program has ended, until the first of them fails.

    The SDK waits for any output to be done, again and again, and each time touches all that are left: with 300 nodes, a
    third of a core for as long as the update takes. The patch replaces the name `asyncio` in the SDK's module and does
    not change the standard library. Upstream: github.com/pulumi/pulumi/pull/22411 introduced the loop, which before
    was a busy one; we know of no issue about its quadratic time.
    """

    async def wait(tasks: Any, **_: Any) -> Any:
        return await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)

    vars(stack)["asyncio"] = SimpleNamespace(**{**vars(asyncio), "wait": wait})


def omit_stack_traces() -> None:
    """Register resources without the program's stack trace.

    The engine stores the trace of each resource, about 2 KB with this machine's paths, which is half of the state. It
    writes the whole state after every step, so the trace doubles the time of the first `up` of a large fleet.
    """
    vars(resource)["_get_stack_trace"] = source_pb2.StackTrace
