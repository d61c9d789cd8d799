"""Numerai's calls of webhooks through the sandbox's gateway."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import certifi
import pytest

from sandbox.network import Network
from sandbox.numerai.accounts import Refused
from sandbox.numerai.webhooks import check_url, post_through


@pytest.fixture
def proxy() -> Iterator[tuple[int, list[tuple[str, str | None, Any]]]]:
    """Run a proxy that answers every request itself; yield its port and the list of requests."""
    seen: list[tuple[str, str | None, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            seen.append((self.path, self.headers["proxy-authorization"], json.loads(body)))
            self.send_response(202)
            self.end_headers()
            self.wfile.write(b"started")

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port, seen
    server.shutdown()
    thread.join(timeout=10)
    server.server_close()


def test_the_call_goes_by_the_gateway(proxy: tuple[int, list[tuple[str, str | None, Any]]]) -> None:
    port, seen = proxy
    status, seconds, text = post_through(Network(port, Path(certifi.where())))(
        "http://hooks.example.com/a?b=c", {"x": 1}
    )
    assert (status, text) == (202, "started")
    assert seconds >= 0
    ((url, authorization, body),) = seen
    assert (url, body) == ("http://hooks.example.com/a?b=c", {"x": 1})
    assert authorization is not None  # identifies Numerai to the gateway


def test_no_answer_is_status_0_with_the_reason() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    status, _, text = post_through(Network(port, Path(certifi.where())))("https://hooks.example.com/", {})
    assert status == 0
    assert "ConnectError" in text


@pytest.mark.parametrize("url", ["", None])
def test_nothing_clears_a_webhook(url: str | None) -> None:
    assert check_url(url) is None


@pytest.mark.parametrize("url", ["example.com", "ftp://example.com/", "https://"])
def test_only_web_addresses_can_be_registered(url: str) -> None:
    with pytest.raises(Refused, match="expected an https URL"):
        check_url(url)
