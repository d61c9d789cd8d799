"""The wall clock of the sandbox's schedulers: a thread that calls `tick` at the start of each minute."""

from __future__ import annotations

import abc
import threading
from datetime import UTC, datetime


class Clock(abc.ABC):
    """Base class of a cloud's scheduler, which implements `tick`."""

    def __init__(self, name: str) -> None:
        self._name, self._stop = name, threading.Event()
        self._thread: threading.Thread | None = None

    @abc.abstractmethod
    def tick(self, minute: datetime) -> object:
        """Start everything that is due in this minute (UTC)."""

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread."""
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
