"""Numerai's limit of webhook changes, which the sandbox applies only if a test or the control API sets it."""

from __future__ import annotations

import math
import threading
import time
from collections import deque


class Rate:
    """Accepts `changes` within any `seconds`; without a limit, all of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._accepted: deque[float] = deque()
        self._changes, self._seconds = math.inf, 0.0
        self.refused = 0
        """The number of refused changes."""

    def limit(self, changes: int, seconds: float) -> None:
        """Set the limit."""
        with self._lock:
            self._changes, self._seconds = changes, seconds

    def refuse(self) -> int:
        """Return 0 and count the change if it is accepted, otherwise the seconds after which another one is."""
        with self._lock:
            now = time.monotonic()
            while self._accepted and self._accepted[0] <= now - self._seconds:
                self._accepted.popleft()
            if len(self._accepted) < self._changes:
                self._accepted.append(now)
                return 0
            self.refused += 1
            return max(1, math.ceil(self._accepted[0] + self._seconds - now))
