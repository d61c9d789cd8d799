"""Faults of the engine's steps: a provider that fails, hangs or loses its answer when it creates, updates or deletes.

A fault works between the engine and the provider, before or after the step has taken effect, so it works for every type
of resource and every provider, also for Pulumi's host of dynamic providers.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from pnodes.urn import split_urn

_SECONDS = 0.02
_OPERATIONS = {f"/pulumirpc.ResourceProvider/{name.title()}": name for name in ("create", "update", "delete")}


@dataclass
class StepFault:
    """The fault of the next `times` steps of this operation on resources whose type and name contain `where`.

    The step fails without having an effect, or with `effect` after it has taken effect. With `held`, a path, it creates
    this file and waits: it fails when the engine is gone, and goes on when the file is.
    """

    operation: str
    where: str
    effect: bool = False
    held: str = ""
    times: int = 1


class StepFaults(grpc.ServerInterceptor):
    """The faults of one provider's server; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ordered: list[StepFault] = []

    def order(self, fault: StepFault) -> None:
        """Add a fault."""
        with self._lock:
            self._ordered.append(fault)

    def clear(self) -> None:
        """Drop the faults that have not happened."""
        with self._lock:
            self._ordered.clear()

    def intercept_service(self, continuation: Callable[[Any], Any], details: Any) -> Any:
        """Let the ordered faults happen to the steps of resources; previews are no steps."""
        handler = continuation(details)
        operation = _OPERATIONS.get(details.method)
        if operation is None:
            return handler

        def run(request: Any, context: Any) -> Any:
            fault = None if getattr(request, "preview", False) else self._take(operation, request.urn)
            if fault is None:
                return handler.unary_unary(request, context)
            done = handler.unary_unary(request, context) if fault.effect else None
            if fault.held and _hold(Path(fault.held), context):
                return done or handler.unary_unary(request, context)
            return context.abort(grpc.StatusCode.UNAVAILABLE, "ordered by a test: the connection was lost")

        return grpc.unary_unary_rpc_method_handler(run, handler.request_deserializer, handler.response_serializer)

    def _take(self, operation: str, urn: str) -> StepFault | None:
        what = "::".join(split_urn(urn)[1:])
        with self._lock:
            for fault in self._ordered:
                if fault.times and fault.operation == operation and fault.where in what:
                    fault.times -= 1
                    return fault
        return None


def _hold(file: Path, context: Any) -> bool:
    """Wait until the file or the engine is gone; return whether it is the file."""
    gone = threading.Event()
    if context.add_callback(gone.set):
        file.touch()
        while file.exists():
            if gone.wait(_SECONDS):
                return False
        return True
    return False
