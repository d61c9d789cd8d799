"""Makes the calls of `pnodes` to a cloud's JSON API. Every failure is an OperationsError with a sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import httpx

from providers.operations import UNREACHED, OperationsError, Refused


def call(
    cloud: str,
    what: str,
    send: Callable[[], httpx.Response],
    explain: Callable[[dict[str, Any]], tuple[str, str, Mapping[str, str]]],
) -> Any:
    """Return the JSON answer to the request that `send` makes. `what` completes "Azure refused to ...".

    `explain` returns the message, the code and the facts of the `error` in an answer; empty ones if it has none. Raises
    OperationsError, and Refused with the code.
    """
    try:
        answer = send()
        if answer.is_success:
            return answer.json() if answer.content.strip() else {}
    except httpx.HTTPError as error:
        raise OperationsError(
            f"{cloud} could not be reached to {what} ({type(error).__name__}). {UNREACHED}"
        ) from error
    except ValueError as error:
        raise OperationsError(f"{cloud}'s answer to a request to {what} was not JSON.") from error
    message, code, facts = explain(_read_error(answer))
    sentence = f"{cloud} refused to {what}: HTTP {answer.status_code} {message}".rstrip()
    raise Refused(sentence, code or str(answer.status_code), facts)


def _read_error(answer: httpx.Response) -> dict[str, Any]:
    try:
        return dict(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        return {}


def write_time(moment: datetime) -> str:
    """Return a time in UTC as the clouds' queries expect it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
