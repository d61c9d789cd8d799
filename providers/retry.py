"""Retries of calls to services that did not answer, or asked to be called later."""

from __future__ import annotations

import tenacity


def retry_on(error: type[Exception], tries: int, pause: float) -> tenacity.Retrying:
    """Return an object that calls a function until it raises no such error. The pause doubles up to eight times."""
    return tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(error),
        wait=tenacity.wait_exponential(multiplier=pause, max=8 * pause),
        stop=tenacity.stop_after_attempt(tries),
        reraise=True,
    )
