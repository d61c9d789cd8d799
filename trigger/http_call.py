"""HTTP calls to a cloud's services, made with the standard library alone."""

from __future__ import annotations

import json
import re
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from typing import NamedTuple

PAUSES = (0.5, 1.5)
"""Seconds before the second and third try of a call that was temporarily refused."""
TIMEOUT, START_TIMEOUT = 5.0, 20.0
"""Seconds: of a call to a store or a list, and of a job's start."""
_TEMPORARY = frozenset({429, 500, 502, 503, 504})
# Reading the public authorities takes longer than a call.
_open = urllib.request.build_opener(urllib.request.HTTPSHandler(context=ssl.create_default_context())).open


class Answer(NamedTuple):
    """Status and body of an HTTP answer, whatever the status.

    `repeated`: the call was sent more than once, so an earlier try may have had the effect that this answer denies.
    """

    status: int
    body: bytes
    repeated: bool = False

    @property
    def busy(self) -> bool:
        """Whether the service refused for the moment."""
        return self.status in (429, 503)

    @property
    def unclear(self) -> bool:
        """Whether the service may have done what was asked although it reports an error."""
        return self.status >= 500

    def reason(self) -> str:
        """Return the code and message of an error's body, in JSON or XML, on one short line."""
        try:
            error = json.loads(self.body)
            error = error.get("error", error)
            words = [error[key] for key in ("code", "message") if isinstance(error.get(key), str)]
        except (ValueError, AttributeError):
            words = re.findall(r"<(?:Code|Message)>([^<]*)", self.body.decode(errors="replace"))
        return " ".join(" ".join(words).split())[:300]


def call(
    method: str, url: str, headers: Mapping[str, str], body: bytes | None = None, timeout: float = TIMEOUT
) -> Answer:
    """Make one HTTP call. Raises OSError if no answer comes (URLError and time-outs are OSErrors)."""
    # The addresses are the cloud's own, and that of the process's identity endpoint.
    request = urllib.request.Request(url, data=body, headers=dict(headers), method=method)  # noqa: S310
    try:
        try:
            response = _open(request, timeout=timeout)
        except urllib.error.HTTPError as error:
            response = error
        with response:
            return Answer(response.status, response.read())
    except HTTPException as error:
        raise OSError(f"the answer broke off ({error!r})") from error


def call_until_answered(
    method: str, url: str, headers: Mapping[str, str], body: bytes | None = None, timeout: float = TIMEOUT
) -> Answer:
    """Make a call that may be repeated, again if no answer comes or the answer is a temporary error. Raises OSError."""
    for number, pause in enumerate((*PAUSES, None)):
        try:
            answer = call(method, url, headers, body, timeout)
            if pause is None or answer.status not in _TEMPORARY:
                return Answer(answer.status, answer.body, repeated=number > 0)
        except OSError:
            if pause is None:
                raise
        time.sleep(pause)
    raise AssertionError("unreachable")
