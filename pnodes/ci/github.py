"""GitHub from within a workflow step: the event, the files for outputs and summaries, comments and issues.

Every step has the necessary environment variables; only steps that write comments or issues get GITHUB_TOKEN.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from providers.retry import retry_on

BOT = "github-actions[bot]"
"""The author of everything that is written with GITHUB_TOKEN."""

_LARGEST_SUMMARY = 1_000_000


class GitHubRefused(Exception):
    """GitHub refused a comment or an issue; the message is a sentence."""


class _Temporary(Exception):
    """A failure that a retry may resolve."""


@dataclass(frozen=True)
class Step:
    """The current step of the workflow."""

    environ: Mapping[str, str]

    @property
    def event(self) -> dict[str, Any]:
        """The event that started the workflow."""
        path = self.environ.get("GITHUB_EVENT_PATH")
        event: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8")) if path else {}
        return event

    @property
    def pull_request(self) -> int | None:
        """The number of the event's pull request, if any."""
        number = (self.event.get("pull_request") or {}).get("number")
        return int(number) if number is not None else None

    @property
    def from_fork(self) -> bool:
        """Whether the pull request comes from a fork, whose runs get no secrets and only a read-only token."""
        pull = self.event.get("pull_request")
        if pull is None:
            return False
        head, base = ((pull.get(side) or {}).get("repo") or {} for side in ("head", "base"))
        return bool(head.get("full_name") != base.get("full_name"))

    @property
    def commit(self) -> str:
        """The commit that a reviewer sees: the head of a pull request, not GitHub's merge of it."""
        head = (self.event.get("pull_request") or {}).get("head") or {}
        return str(head.get("sha") or self.environ.get("GITHUB_SHA", ""))

    @property
    def run_url(self) -> str:
        """The page with the run's log and summary."""
        server = self.environ.get("GITHUB_SERVER_URL", "https://github.com")
        return (
            f"{server}/{self.environ.get('GITHUB_REPOSITORY', '')}/actions/runs/{self.environ.get('GITHUB_RUN_ID', '')}"
        )

    def output(self, **values: str) -> None:
        """Set outputs of the step. Each value must be a single line."""
        self._append("GITHUB_OUTPUT", "".join(f"{name}={_one_line(value)}\n" for name, value in values.items()))

    def summary(self, markdown: str) -> None:
        """Append to the run's summary page."""
        encoded = markdown.encode()
        if len(encoded) > _LARGEST_SUMMARY:
            markdown = encoded[:_LARGEST_SUMMARY].decode(errors="ignore")
        self._append("GITHUB_STEP_SUMMARY", markdown.rstrip() + "\n\n")

    def notice(self, kind: str, sentence: str) -> None:
        """Show a line on the run's page; `kind` is notice, warning or error."""
        if self.environ.get("GITHUB_ACTIONS"):
            escaped = sentence.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
            print(f"::{kind}::{escaped}", flush=True)
        else:
            print(sentence, flush=True)

    @contextmanager
    def verbatim(self) -> Iterator[None]:
        """Make the runner treat the output as plain text: it executes no command in it."""
        word = uuid.uuid4().hex
        in_workflow = bool(self.environ.get("GITHUB_ACTIONS"))
        if in_workflow:
            print(f"::stop-commands::{word}", flush=True)
        try:
            yield
        finally:
            if in_workflow:
                print(f"::{word}::", flush=True)

    def _append(self, variable: str, text: str) -> None:
        path = self.environ.get(variable)
        if path:
            with Path(path).open("a", encoding="utf-8") as file:
                file.write(text)


class Repository:
    """Comments and issues of the repository that the workflow runs in."""

    def __init__(self, environ: Mapping[str, str], pause: float = 1.0) -> None:
        token = environ.get("GITHUB_TOKEN")
        if not token:
            raise GitHubRefused("the step has no GITHUB_TOKEN in its environment")
        self._pause = pause
        self._base = f"{environ.get('GITHUB_API_URL', 'https://api.github.com')}/repos/{environ['GITHUB_REPOSITORY']}"
        self._client = httpx.Client(
            timeout=30,
            headers={
                "Authorization": f"Bearer {token}",
                "Accept": "application/vnd.github+json",
                "X-GitHub-Api-Version": "2022-11-28",
            },
        )

    def put_comment(self, number: int, mark: str, body: str) -> None:
        """Create or edit the single comment with this mark on an issue or pull request."""
        ours = self._ours(f"/issues/{number}/comments", mark)
        if ours is None:
            self._call("POST", f"/issues/{number}/comments", {"body": body})
        elif ours["body"] != body:
            self._call("PATCH", f"/issues/comments/{ours['id']}", {"body": body})

    def comment(self, number: int, body: str) -> None:
        """Add a comment."""
        self._call("POST", f"/issues/{number}/comments", {"body": body})

    def find_open_issue(self, mark: str) -> int | None:
        """Return the number of our open issue with this mark."""
        ours = self._ours("/issues", mark, {"state": "open", "creator": BOT})
        return int(ours["number"]) if ours else None

    def put_issue(self, mark: str, title: str, body: str) -> int:
        """Create or edit the single open issue with this mark, and return its number."""
        number = self.find_open_issue(mark)
        if number is not None:
            self._call("PATCH", f"/issues/{number}", {"title": title, "body": body})
            return number
        return int(self._call("POST", "/issues", {"title": title, "body": body}).json()["number"])

    def settle_issue(self, mark: str, body: str) -> None:
        """Close our open issue with this mark as completed, after a comment; do nothing if there is none."""
        number = self.find_open_issue(mark)
        if number is not None:
            self.comment(number, body)
            self._call("PATCH", f"/issues/{number}", {"state": "closed", "state_reason": "completed"})

    def _ours(self, path: str, mark: str, query: Mapping[str, str] | None = None) -> dict[str, Any] | None:
        """Return the first comment or issue that our token wrote and that begins with the mark; others may quote it."""
        url: str | None = f"{path}?{httpx.QueryParams({**(query or {}), 'per_page': '100'})}"
        while url:
            answer = self._call("GET", url)
            for entry in answer.json():
                login = (entry.get("user") or {}).get("login")
                if login == BOT and "pull_request" not in entry and (entry.get("body") or "").startswith(mark):
                    return dict(entry)
            url = answer.links.get("next", {}).get("url")
        return None

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> httpx.Response:
        url = path if "://" in path else self._base + path
        # A POST is not retried: after a lost answer it would create a second comment.
        retrying = retry_on(_Temporary, 1 if method == "POST" else 4, self._pause)
        try:
            return retrying(self._send, method, url, body)
        except _Temporary as error:
            raise GitHubRefused(f"GitHub did not answer {method} {path.split('?')[0]} ({error})") from error

    def _send(self, method: str, url: str, body: Mapping[str, Any] | None) -> httpx.Response:
        try:
            answer = self._client.request(method, url, json=body)
        except httpx.HTTPError as error:
            raise _Temporary(type(error).__name__) from error
        if answer.status_code == 429 or answer.status_code >= 500:
            raise _Temporary(f"HTTP {answer.status_code}")
        if answer.status_code >= 400:
            raise GitHubRefused(
                f"GitHub refused {method} {httpx.URL(url).path}: HTTP {answer.status_code} {_message(answer)}"
            )
        return answer


def _message(answer: httpx.Response) -> str:
    try:
        return str(answer.json().get("message", ""))
    except (ValueError, AttributeError):
        return ""


def _one_line(value: str) -> str:
    if "\n" in value:
        raise ValueError("an output of a step must be a single line")
    return value
