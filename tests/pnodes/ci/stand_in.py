"""A server on loopback with those parts of GitHub's REST API for comments and issues that the workflows use."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "ghs_the-token-of-this-run"
BOT = {"login": "github-actions[bot]", "type": "Bot"}
PERSON = {"login": "a-person", "type": "User"}
_PAGE = 2
_LONGEST = 65_536


@dataclass
class StandIn:
    """The current `comments` and `issues`, and the `calls` that changed something, as METHOD path."""

    url: str = ""
    comments: list[dict[str, Any]] = field(default_factory=list)
    issues: list[dict[str, Any]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    read_only: bool = False
    broken: int = 0
    _next: int = 1

    def add_comment(self, number: int, body: str, user: dict[str, str]) -> dict[str, Any]:
        """Add a comment to an issue or pull request."""
        made = {"id": self.number(), "issue": number, "body": body, "user": user}
        self.comments.append(made)
        return made

    def add_issue(self, title: str, body: str, user: dict[str, str], **more: Any) -> dict[str, Any]:
        """Add an open issue."""
        made = {"number": self.number(), "title": title, "body": body, "user": user, "state": "open", **more}
        self.issues.append(made)
        return made

    def on(self, number: int) -> list[str]:
        """Return the comments on an issue or pull request."""
        return [one["body"] for one in self.comments if one["issue"] == number]

    def number(self) -> int:
        """Return the next id."""
        self._next += 1
        return self._next

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        """Return status and JSON for a call below /repos/OWNER/NAME."""
        if method != "GET":
            if self.read_only:
                return 403, {"message": "Resource not accessible by integration"}
            self.calls.append(f"{method} {path}")
        if len((body or {}).get("body", "")) > _LONGEST:
            return 422, {"message": "Validation Failed: body is too long (maximum is 65536 characters)"}
        if found := re.fullmatch(r"/issues/(\d+)/comments", path):
            number = int(found[1])
            if method == "POST":
                return 201, self.add_comment(number, body["body"], BOT)
            return 200, [one for one in self.comments if one["issue"] == number]
        if found := re.fullmatch(r"/issues/comments/(\d+)", path):
            one = next(one for one in self.comments if one["id"] == int(found[1]))
            one.update(body)
            return 200, one
        if path == "/issues" and method == "POST":
            return 201, self.add_issue(body["title"], body["body"], BOT)
        if path == "/issues":
            creator = query.get("creator")
            return 200, [
                one
                for one in self.issues
                if one["state"] == query.get("state", "open") and creator in (None, one["user"]["login"])
            ]
        if found := re.fullmatch(r"/issues/(\d+)", path):
            one = next(one for one in self.issues if one["number"] == int(found[1]))
            one.update(body)
            return 200, one
        return 404, {"message": "Not Found"}


class Server(ThreadingHTTPServer):
    """Serves a stand-in until `close` is called."""

    def __init__(self, github: StandIn, repository: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.github, self.repository = github, repository
        github.url = f"http://127.0.0.1:{self.server_port}"
        self._thread = threading.Thread(target=self.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving."""
        self.shutdown()
        self.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def _serve(self) -> None:
        github, split = self.server.github, urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(split.query).items()}
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        prefix = f"/repos/{self.server.repository}"
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            return self._send(401, {"message": "Bad credentials"})
        if github.broken:
            github.broken -= 1
            return self._send(502, {"message": "Bad gateway"})
        if not split.path.startswith(prefix):
            return self._send(404, {"message": "Not Found"})
        status, answer = github.answer(self.command, split.path.removeprefix(prefix), query, body)
        links = {}
        if isinstance(answer, list):
            page = int(query.get("page", "1"))
            if len(answer) > page * _PAGE:
                following = f"{github.url}{split.path}?" + "&".join(
                    f"{name}={value}" for name, value in {**query, "page": str(page + 1)}.items()
                )
                links = {"Link": f'<{following}>; rel="next"'}
            answer = answer[(page - 1) * _PAGE : page * _PAGE]
        self._send(status, answer, links)
        return None

    do_GET = do_POST = do_PATCH = _serve  # noqa: N815 (http.server's names)

    def _send(self, status: int, answer: Any, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(answer).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""
