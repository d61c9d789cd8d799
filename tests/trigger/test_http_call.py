"""HTTP calls of the triggers, against a server on loopback."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from trigger import http_call
from trigger.http_call import Answer


class Service(BaseHTTPRequestHandler):
    """Sends the answers of `script` in order; None breaks the connection off."""

    script: list[tuple[int, bytes] | None]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        scripted = self.script.pop(0)
        if scripted is None:
            self.wfile.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 100\r\n\r\nbroken off")
            return
        self.send_response(scripted[0])
        self.send_header("Content-Length", str(len(scripted[1])))
        self.end_headers()
        self.wfile.write(scripted[1])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(http_call, "PAUSES", (0.0, 0.0))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("status", [200, 403, 503])
def test_a_call_returns_any_status(url: str, status: int) -> None:
    Service.script = [(status, b"text")]
    assert http_call.call("POST", url, {}, b"") == Answer(status, b"text")


def test_an_answer_that_breaks_off_is_an_os_error(url: str) -> None:
    Service.script = [None]
    with pytest.raises(OSError, match="broke off"):
        http_call.call("POST", url, {}, b"")


@pytest.mark.parametrize("first", [(429, b""), (503, b""), (500, b""), None])
def test_one_temporary_failure_is_repeated(url: str, first: tuple[int, bytes] | None) -> None:
    Service.script = [first, (412, b"")]
    assert http_call.call_until_answered("POST", url, {}, b"") == Answer(412, b"", repeated=True)


def test_a_refusal_is_not_repeated(url: str) -> None:
    Service.script = [(403, b"")]
    assert http_call.call_until_answered("POST", url, {}, b"") == Answer(403, b"")


def test_lasting_failures_end_with_the_last_one(url: str) -> None:
    Service.script = [None, (429, b""), (503, b"last")]
    assert http_call.call_until_answered("POST", url, {}, b"") == Answer(503, b"last", repeated=True)
    Service.script = [(429, b""), (503, b""), None]
    with pytest.raises(OSError, match="broke off"):
        http_call.call_until_answered("POST", url, {}, b"")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"error": {"code": 403, "message": "no access"}}', "no access"),
        (
            b'{"error": {"code": "AuthorizationFailed", "message": "no access\\nfor you"}}',
            "AuthorizationFailed no access for you",
        ),
        (b'{"message": "Job queue does not exist"}', "Job queue does not exist"),
        (b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code><Message>no key</Message></Error>", "NoSuchKey no key"),
        (b"[]", ""),
        (b"<html>", ""),
        (b"", ""),
    ],
)
def test_the_reason_is_the_code_and_the_message(body: bytes, reason: str) -> None:
    assert Answer(400, body).reason() == reason


def test_only_errors_of_the_service_leave_a_start_unclear() -> None:
    states = {status: (Answer(status, b"").busy, Answer(status, b"").unclear) for status in (200, 403, 429, 500, 503)}
    assert states == {
        200: (False, False),
        403: (False, False),
        429: (True, False),
        500: (False, True),
        503: (True, True),
    }
