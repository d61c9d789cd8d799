"""What is sent to Discord, to Slack and to others, and which addresses are called."""

from __future__ import annotations

import http.server
import threading
import urllib.request
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from trigger import alert_channels
from trigger.alert_channels import (
    DISCORD_LENGTH,
    Alert,
    AlertError,
    build_mail_line,
    clean_log,
    find_host,
    post_alert,
    send,
    write_document,
)

ALERT = Alert(
    event="failed",
    node="alpha",
    title="alpha, round 371: the run failed",
    round=371,
    reason="Essential container in task exited. It was started again.",
    log=("Traceback", "ValueError: no data <@everyone>"),
    link="https://console.example.com/job",
    at="2026-11-28T13:05:00Z",
)


@pytest.mark.parametrize("host", ["discord.com", "discordapp.com", "ptb.discord.com"])
def test_discord_gets_content_and_mentions_nobody(host: str) -> None:
    document = write_document(ALERT, host)
    assert document == {
        "content": "alpha, round 371: the run failed\nEssential container in task exited. It was started again.\n"
        "Last lines of its log:\n```\nTraceback\nValueError: no data <@everyone>\n```\nhttps://console.example.com/job",
        "allowed_mentions": {"parse": []},
    }


def test_discord_s_limit_is_kept_by_leaving_out_the_log_s_first_lines() -> None:
    content = write_document(ALERT._replace(log=tuple(f"{n} {'x' * 195}" for n in range(15))), "discord.com")["content"]
    assert len(content) <= DISCORD_LENGTH
    assert "\n14 xxx" in content
    assert "\n0 xxx" not in content
    assert content.endswith(ALERT.link)
    assert len(write_document(ALERT._replace(reason="y" * 5000), "discord.com")["content"]) == DISCORD_LENGTH


def test_slack_gets_text_without_its_control_characters() -> None:
    text = write_document(ALERT, "hooks.slack.com")["text"]
    assert "&lt;@everyone&gt;" in text
    assert "<" not in text


def test_others_get_a_document() -> None:
    document = write_document(ALERT, "alerts.example.com")
    assert document.pop("text").startswith(ALERT.title)
    assert document == {**ALERT._asdict(), "log": list(ALERT.log), "version": 1}


@pytest.mark.parametrize("host", ["discord.com.example.com", "hooks.slack.com.example.com", "notdiscord.com"])
def test_hosts_that_look_alike_get_the_document(host: str) -> None:
    assert "version" in write_document(ALERT, host)


@pytest.mark.parametrize(
    ("line", "sent"),
    [
        ("key ABCDEFGHIJKLMNOPQRSTUVWXYZ234567 of numerai", "key *** of numerai"),
        ("NUMERAI_SECRET_KEY=abc def", "NUMERAI_SECRET_KEY= ***"),
        ('{"api_key": "abc"}', '{"api_key": ***'),
        ("an ordinary line: 12", "an ordinary line: 12"),
        ("```", "'''"),
    ],
)
def test_a_log_is_sent_without_what_looks_like_a_key(line: str, sent: str) -> None:
    assert clean_log([line]) == (sent,)


def test_only_the_end_of_a_log_is_sent() -> None:
    lines = clean_log([f"{number} {'x' * 500}" for number in range(100)])
    assert (len(lines), lines[-1][:3], len(lines[-1])) == (15, "99 ", 200)


@pytest.mark.parametrize(
    "address",
    [
        "http://discord.com/api/webhooks/1/x",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/x",
        "https://localhost/x",
        "https://metadata.google.internal/x",
        "https://trigger",
        "https://[x",
        "file:///etc/passwd",
        "",
    ],
)
def test_only_https_addresses_of_public_names_are_called(address: str) -> None:
    with pytest.raises(AlertError):
        find_host(address)


def test_an_e_mail_s_subject_is_ascii_and_short() -> None:
    subject = ALERT._replace(title=f"älpha\n{'x' * 200}").write_subject()
    assert len(subject) == 100
    assert subject.isascii()
    assert "\n" not in subject


def test_the_line_that_sends_an_e_mail_is_short() -> None:
    line = build_mail_line("ab12", ALERT._replace(log=tuple("x" * 200 for _ in range(15))))
    assert len(line["text"]) <= 1000
    assert (line["email"], line["route"], line["status"]) == ("ab12", "email", "failed")


class _Answers(http.server.BaseHTTPRequestHandler):
    status: ClassVar[int] = 200
    headers_: ClassVar[dict[str, str]] = {}
    received: ClassVar[list[tuple[str, str, bytes]]] = []

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.received.append((self.command, self.path, body))
        self.send_response(self.status)
        for name, value in self.headers_.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_GET  # noqa: N815 - the name that the library calls

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[_Answers]]:
    """A server on loopback, which the module takes for a public host."""
    handler = type("Answers", (_Answers,), {"received": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        monkeypatch.setattr(alert_channels, "find_host", lambda address: "alerts.example.com")
        request = urllib.request.Request

        def on_loopback(url: str, **options: Any) -> urllib.request.Request:
            return request(
                url.replace("https://alerts.example.com", f"http://127.0.0.1:{running.server_port}"), **options
            )

        monkeypatch.setattr(urllib.request, "Request", on_loopback)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield handler
        running.shutdown()


def test_an_alert_is_posted(server: type[_Answers]) -> None:
    post_alert("https://alerts.example.com/hook?key=hidden", ALERT)
    ((method, path, body),) = server.received
    assert (method, path) == ("POST", "/hook?key=hidden")
    assert b'"event": "failed"' in body


def test_a_refusal_names_the_host_only(server: type[_Answers]) -> None:
    server.status, server.headers_ = 429, {"Retry-After": "30"}
    with pytest.raises(AlertError) as raised:
        send("POST", "https://alerts.example.com/hook?key=hidden", b"{}")
    assert str(raised.value) == "alerts.example.com answered 429, and asks to wait 30 s"
    assert len(server.received) == 1


def test_redirects_are_not_followed(server: type[_Answers]) -> None:
    server.status, server.headers_ = 302, {"Location": "https://alerts.example.com/elsewhere"}
    with pytest.raises(AlertError, match="answered 302"):
        send("GET", "https://alerts.example.com/hook")
    assert len(server.received) == 1


def test_a_host_that_does_not_answer_is_a_sentence() -> None:
    with pytest.raises(AlertError, match=r"did not answer \(URLError\)"):
        send("GET", "https://alerts.invalid/hook?key=hidden")
