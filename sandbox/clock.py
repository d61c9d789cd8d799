"""The wall clock of the sandbox's schedulers: one thread that says each minute once, as it begins."""

from __future__ import annotations

import abc
import threading
from datetime import UTC, datetime


class Clock(abc.ABC):
    """A cloud's scheduler subclasses it with what is done in a minute."""

    def __init__(self, name: str) -> None:
        self._name, self._stop = name, threading.Event()
        self._thread: threading.Thread | None = None

    @abc.abstractmethod
    def tick(self, minute: datetime) -> object:
        """Fire what is due in a minute (UTC)."""

    def start(self) -> None:
        """Begin to look at the clock."""
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _run(self) -> None:
        last = datetime.now(UTC).replace(second=0, microsecond=0)
        while not self._stop.wait(1.0):
            minute = datetime.now(UTC).replace(second=0, microsecond=0)
            if minute > last:
                last = minute
                self.tick(minute)
