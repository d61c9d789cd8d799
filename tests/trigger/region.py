"""A region with one node: its row, and a store in memory."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable

from trigger.table import Row, StoreError

MODEL = "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01"
TOKEN = "a-token-that-nobody-guesses"
ROW = Row(MODEL, "alpha", hashlib.sha256(TOKEN.encode()).hexdigest(), "job-of-alpha", "queue")


class MemoryStore:
    """A table, and claims in memory, which can be created once, listed and read."""

    def __init__(self) -> None:
        self.rows, self.reads = [ROW], 0
        self.objects: dict[str, bytes] = {}
        self.broken: Callable[[str], bool] = lambda key: False
        self._lock = threading.Lock()

    def read_rows(self) -> Iterable[Row]:
        self.reads += 1
        if self.broken("table"):
            raise StoreError("the table could not be read")
        return list(self.rows)

    def create(self, key: str, body: bytes) -> bool:
        if self.broken(key):
            raise StoreError("the store did not answer")
        with self._lock:
            return self.objects.setdefault(key, body) is body

    def list(self, prefix: str) -> list[str]:
        return [key for key in self.objects if key.startswith(prefix)]

    def read(self, key: str) -> bytes:
        return self.objects[key]
