"""Calls Google's APIs for image builds with the deploying identity's token, and reads build logs from Cloud Logging."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tenacity

from providers import https
from providers.images.following import BuildFailed, BuildLog, Lost, Unanswered

if TYPE_CHECKING:
    import httpx

_ENTRIES = "https://logging.googleapis.com/v2/entries:list"


class _PassingError(Exception):
    """A temporary error, for a retry. `lost`: whether the call may have taken effect nevertheless."""

    def __init__(self, sentence: str, lost: bool) -> None:
        self.lost = lost
        super().__init__(sentence)


def call(
    props: dict[str, Any],
    method: str,
    url: str,
    again_if_lost: bool = True,
    missing_is_fine: bool = False,
    **arguments: Any,
) -> dict[str, Any]:
    """Make a call, retry it after temporary errors, and return the answer. Raises BuildFailed.

    For a call that must not take effect twice, pass `again_if_lost=False`: if it may have taken effect without an
    answer, Unanswered is raised instead of retrying.
    """
    what, where = f"the image of {props['node']} could not be built", f"{method} {url.split('?')[0]}"
    retry = tenacity.Retrying(
        retry=tenacity.retry_if_exception(
            lambda error: isinstance(error, _PassingError) and (again_if_lost or not error.lost)
        ),
        wait=tenacity.wait_random_exponential(multiplier=1, max=20),
        stop=tenacity.stop_after_attempt(8),
        reraise=True,
    )
    try:
        answer = retry(_try_once, props, method, url, **arguments)
    except _PassingError as error:
        if not again_if_lost:
            raise Unanswered(str(error)) from error
        raise BuildFailed(f"{what}: {error}. Run `pulumi up` again in a minute.") from error
    if answer.status_code == 404 and missing_is_fine:
        return {}
    if answer.status_code == 401 and method == "GET" and "/builds/" in url:
        raise Lost(props, f"Google no longer accepts the token of this `up`, which is valid for an hour ({where})")
    if answer.status_code >= 400:
        hint = ""
        if "quota restrictions" in answer.text:
            hint = " New projects may build only in some regions, such as us-central1; request a quota for others."
        raise BuildFailed(f"{what}: {where} answered {answer.status_code} {read_message(answer)}{hint}")
    content: dict[str, Any] = answer.json() if answer.content else {}
    return content


def _try_once(
    props: dict[str, Any], method: str, url: str, file: Path | None = None, **arguments: Any
) -> httpx.Response:
    where = f"{method} {url.split('?')[0]}"
    with contextlib.ExitStack() as opened:
        if file is not None:
            arguments["content"] = opened.enter_context(file.open("rb"))
        try:
            answer = _send(props, method, url, timeout=600, **arguments)
        except https.NoResponse as error:
            raise _PassingError(f"{where}: no answer ({error})", lost=True) from error
    if answer.status_code == 429 or answer.status_code >= 500:
        raise _PassingError(f"{where}: HTTP {answer.status_code}", lost=answer.status_code != 429)
    # It takes minutes until all of Google's servers know a new account or service.
    if answer.status_code in (400, 403) and ("SERVICE_DISABLED" in answer.text or "does not exist" in answer.text):
        raise _PassingError(f"{where}: HTTP {answer.status_code} {read_message(answer)}", lost=False)
    return answer


def _send(props: dict[str, Any], method: str, url: str, **arguments: Any) -> httpx.Response:
    """Send a signed request and return the answer.

    A person's credentials belong to no project. If Google requires a quota project, the node's project is used.
    """
    headers = {"Authorization": f"Bearer {props['token']}", **arguments.pop("headers", {})}
    answer = https.request(method, url, headers=headers, **arguments)
    if answer.status_code != 403 or "quota project" not in answer.text:
        return answer
    if "content" in arguments:
        arguments["content"].seek(0)
    return https.request(method, url, headers={**headers, "x-goog-user-project": props["project"]}, **arguments)


def read_message(answer: httpx.Response) -> str:
    """Return the message of an error answer."""
    try:
        return str(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return answer.text[:300]


class CloudLog(BuildLog):
    """A build's log. Queries are rate-limited here, since a project may read its logs only sixty times a minute."""

    lag_seconds = 10.0

    def __init__(self, props: dict[str, Any], build: str) -> None:
        self._props, self._seen = props, set[str]()
        self._filter = f'resource.type="build" AND resource.labels.build_id="{build}"'
        self._since, self._next = "", 0.0

    def new_lines(self, last: bool = False) -> list[str]:
        """Return the lines that have arrived since the last call."""
        if time.monotonic() < self._next and not last:
            return []
        self._next = time.monotonic() + self.lag_seconds
        recent = f'{self._filter} AND timestamp>="{self._since}"' if self._since else self._filter
        body = {
            "resourceNames": [f"projects/{self._props['project']}"],
            "filter": recent,
            "orderBy": "timestamp asc",
            "pageSize": 1000,
        }
        try:
            answer = _send(self._props, "POST", _ENTRIES, json=body, timeout=30)
            entries = answer.json().get("entries", []) if answer.status_code == 200 else []
        except (https.NoResponse, ValueError):
            return []
        lines: list[str] = []
        for entry in entries:
            self._since = entry.get("timestamp", self._since)
            if entry.get("insertId") not in self._seen and entry.get("textPayload"):
                self._seen.add(entry.get("insertId"))
                lines += entry["textPayload"].splitlines()
        return lines
