"""Calls of Google's APIs for image builds, signed with the deployer's token, and a build's log from Cloud Logging."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any

import httpx
import tenacity

from providers.images.following import BuildFailed, BuildLog, Lost, Unanswered

_ENTRIES = "https://logging.googleapis.com/v2/entries:list"


class _PassingError(Exception):
    """Worth another try; carries the sentence, and whether the call may have done its work all the same."""

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
    """The answer to one call, which is repeated when that may help. Raises BuildFailed.

    A call that must not happen twice says so with `again_if_lost`: Unanswered is raised when it may have happened.
    """
    what, where = f"the image of {props['node']} could not be built", f"{method} {url.split('?')[0]}"
    try:
        answer = _repeated(props, method, url, again_if_lost, arguments)
    except _PassingError as error:
        if not again_if_lost:
            raise Unanswered(str(error)) from error
        raise BuildFailed(f"{what}: {error}. Run `pulumi up` again in a minute.") from error
    if answer.status_code == 404 and missing_is_fine:
        return {}
    if answer.status_code == 401 and method == "GET" and "/builds/" in url:
        raise Lost(props, f"Google no longer takes the token of this `up`, which is good for an hour ({where})")
    if answer.status_code >= 400:
        hint = ""
        if "quota restrictions" in answer.text:
            hint = " Google lets new projects build in some regions only: us-central1 is one; others take a request."
        raise BuildFailed(f"{what}: {where} answered {answer.status_code} {message(answer)}{hint}")
    found: dict[str, Any] = answer.json() if answer.content else {}
    return found


def _repeated(
    props: dict[str, Any], method: str, url: str, again_if_lost: bool, arguments: dict[str, Any]
) -> httpx.Response:
    def helps(error: BaseException) -> bool:
        return isinstance(error, _PassingError) and (again_if_lost or not error.lost)

    repeat = tenacity.Retrying(
        retry=tenacity.retry_if_exception(helps),
        wait=tenacity.wait_random_exponential(multiplier=1, max=20),
        stop=tenacity.stop_after_attempt(8),
        reraise=True,
    )
    return repeat(_once, props, method, url, **arguments)


def _once(props: dict[str, Any], method: str, url: str, file: Path | None = None, **arguments: Any) -> httpx.Response:
    where = f"{method} {url.split('?')[0]}"
    with contextlib.ExitStack() as opened:
        if file is not None:
            arguments["content"] = opened.enter_context(file.open("rb"))
        try:
            answer = _sent(props, method, url, timeout=600, **arguments)
        except httpx.HTTPError as error:
            raise _PassingError(f"{where}: no answer ({error})", lost=True) from error
    if answer.status_code == 429 or answer.status_code >= 500:
        raise _PassingError(f"{where}: HTTP {answer.status_code}", lost=answer.status_code != 429)
    # A minutes-old account or service is not known everywhere yet.
    if answer.status_code in (400, 403) and ("SERVICE_DISABLED" in answer.text or "does not exist" in answer.text):
        raise _PassingError(f"{where}: HTTP {answer.status_code} {message(answer)}", lost=False)
    return answer


def _sent(props: dict[str, Any], method: str, url: str, **arguments: Any) -> httpx.Response:
    """The answer to one signed request.

    A person's own sign-in belongs to no project: where Google asks for one, the call is counted for the node's.
    """
    headers = {"Authorization": f"Bearer {props['token']}", **arguments.pop("headers", {})}
    answer = httpx.request(method, url, headers=headers, **arguments)
    if answer.status_code != 403 or "quota project" not in answer.text:
        return answer
    if "content" in arguments:
        arguments["content"].seek(0)
    return httpx.request(method, url, headers={**headers, "x-goog-user-project": props["project"]}, **arguments)


def message(answer: httpx.Response) -> str:
    """What Google says of a refusal."""
    try:
        return str(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return answer.text[:300]


class CloudLog(BuildLog):
    """A build's log, entry by entry; a project may read its logs sixty times a minute, so it is not asked each time."""

    lag_seconds = 10.0

    def __init__(self, props: dict[str, Any], build: str) -> None:
        self._props, self._seen = props, set[str]()
        self._filter = f'resource.type="build" AND resource.labels.build_id="{build}"'
        self._since, self._next = "", 0.0

    def new_lines(self, last: bool = False) -> list[str]:
        """The entries that were not there before."""
        if time.monotonic() < self._next and not last:
            return []
        self._next = time.monotonic() + self.lag_seconds
        wanted = f'{self._filter} AND timestamp>="{self._since}"' if self._since else self._filter
        body = {
            "resourceNames": [f"projects/{self._props['project']}"],
            "filter": wanted,
            "orderBy": "timestamp asc",
            "pageSize": 1000,
        }
        try:
            answer = _sent(self._props, "POST", _ENTRIES, json=body, timeout=30)
            entries = answer.json().get("entries", []) if answer.status_code == 200 else []
        except (httpx.HTTPError, ValueError):
            return []
        lines: list[str] = []
        for entry in entries:
            self._since = entry.get("timestamp", self._since)
            if entry.get("insertId") not in self._seen and entry.get("textPayload"):
                self._seen.add(entry.get("insertId"))
                lines += entry["textPayload"].splitlines()
        return lines
