"""Waiting for what another thread or process brings about and gives no event for."""

from __future__ import annotations

import time
from collections.abc import Callable


def wait_until(condition: Callable[[], object], otherwise: str | Callable[[], str], seconds: float = 60) -> None:
    """Return as soon as the condition holds. Fails with `otherwise` if it does not hold in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{otherwise if isinstance(otherwise, str) else otherwise()} ({seconds:g} s)")
        time.sleep(0.02)
