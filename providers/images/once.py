"""Reads each file once for all nodes that share it. With hundreds of nodes in a folder, that is most of a preview."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

Result = TypeVar("Result")
# A file that has changed within this time may change again without a new time stamp.
_SETTLED_NS = 2_000_000_000


def read_once(read: Callable[[Path], Result]) -> Callable[[Path, os.stat_result], Result]:
    """Return a function of a file and its facts that repeats the result of `read` until the file changes."""
    results: dict[tuple[Path, int, int, int, int], Result] = {}

    def recall(path: Path, facts: os.stat_result) -> Result:
        if time.time_ns() - facts.st_mtime_ns < _SETTLED_NS:
            return read(path)
        key = (path, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)
        if key not in results:
            results[key] = read(path)
        return results[key]

    return recall
