"""Faults that tests order: calls that a cloud refuses for the moment or answers late, builds and jobs that fail."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.calls import Call, Reply


@dataclass
class Fault:
    """The fault of the next `times` calls of `method` whose host and path contain `where`.

    With `status`, the call has no effect and gets this answer. With `seconds`, it has its effect, and the answer comes
    that much later.

    The methods BUILD and START are no calls: a build of the function, or a start of the job, whose id contains `where`
    fails for `reason`.
    """

    where: str
    method: str = "POST"
    times: int = 1
    status: int = 0
    seconds: float = 0
    reason: str = ""


class Faults:
    """The faults of one cloud; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ordered: list[Fault] = []
        self.down = False
        """Whether the cloud answers no call."""

    def order(self, fault: Fault) -> None:
        """Add a fault."""
        with self._lock:
            self._ordered.append(fault)

    def wrap(self, answer: Callable[[Call], Reply]) -> Callable[[Call], Reply]:
        """Return a function that answers calls with the ordered faults."""

        def answer_with_faults(call: Call) -> Reply:
            if self.down:
                return Reply(503, b'{"message": "the cloud is down"}', {"content-type": "application/json"})
            fault = self._take(call.method, call.host + call.path)
            if fault is not None and fault.status:
                return Reply(fault.status, b'{"message": "ordered by a test"}', {"content-type": "application/json"})
            reply = answer(call)
            if fault is not None:
                reply.delay = fault.seconds
            return reply

        return answer_with_faults

    def take_reason(self, method: str, what: str) -> str:
        """Return the reason for which a build or a start fails, or an empty string."""
        fault = self._take(method, what)
        return fault.reason if fault else ""

    def _take(self, method: str, what: str) -> Fault | None:
        with self._lock:
            for fault in self._ordered:
                if fault.times and fault.method == method and fault.where in what:
                    fault.times -= 1
                    return fault
        return None
