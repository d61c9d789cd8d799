"""What an alert looks like in a chat, in an e-mail and as JSON, and how it is sent to an address.

The address is a secret and may contain a token, so no error and no log line names more of it than its host.
"""

from __future__ import annotations

import ipaddress
import json
import re
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Any, NamedTuple
from urllib.parse import urlsplit

TIMEOUT = 5.0
LOG_LINES, LINE_LENGTH = 15, 200
DISCORD_LENGTH, SLACK_LENGTH, SUBJECT_LENGTH = 2000, 4000, 100
# Of an e-mail that is sent by way of a log line.
MAIL_LENGTH = 1000
_DISCORD = re.compile(r"(?:[a-z0-9-]+\.)?discord(?:app)?\.com")
_SLACK = re.compile(r"hooks\.slack(?:-gov)?\.com")
_PRIVATE = re.compile(r"[^.]*|.*\.(?:internal|local|localhost)")
# Numerai's keys have 32 and 64 of these characters; the rest of a line after such a word may be a secret, too.
_KEY = re.compile(r"\b[A-Z0-9]{32,}\b")
_NAMED = re.compile(r"((?:token|secret|password|passwd|api_?key|authorization)\w*[\"']?\s*[=:]).*", re.IGNORECASE)


class AlertError(Exception):
    """An alert could not be sent. The sentence can be logged; the next pass sends the alert."""


class Alert(NamedTuple):
    """One message: what happened to a node, in which round, why, the end of the run's log, and where to look."""

    event: str
    node: str
    title: str
    round: int | None = None
    reason: str = ""
    log: tuple[str, ...] = ()
    link: str = ""
    at: str = ""
    """ISO 8601, in UTC"""

    def write_text(self, fence: str = "", most: int = 0) -> str:
        """Return the message as text, its log between `fence`s. Leaves out the log's first lines to keep to `most`."""
        head, log = [self.title, *([self.reason] if self.reason else [])], list(self.log)
        tail = [self.link] if self.link else []
        while True:
            middle = ["Last lines of its log:", *([fence] if fence else []), *log, *([fence] if fence else [])]
            text = "\n".join([*head, *(middle if log else []), *tail])
            if not most or len(text) <= most or not log:
                return text[:most] if most else text
            log = log[1:]

    def write_subject(self) -> str:
        """Return the subject of an e-mail, in ASCII, as SNS requires."""
        return " ".join(self.title.encode("ascii", "replace").decode().split())[:SUBJECT_LENGTH]


def clean_log(lines: list[str]) -> tuple[str, ...]:
    """Return the last lines of a log as they are sent: short, and without what looks like a key."""
    kept = [line.rstrip()[:LINE_LENGTH].replace("```", "'''") for line in lines if line.strip()][-LOG_LINES:]
    return tuple(_NAMED.sub(r"\1 ***", _KEY.sub("***", line)) for line in kept)


def write_document(alert: Alert, host: str) -> dict[str, Any]:
    """Return the JSON that is posted to a host."""
    if _DISCORD.fullmatch(host):
        # Nobody is mentioned, whatever the log says.
        return {"content": alert.write_text("```", DISCORD_LENGTH), "allowed_mentions": {"parse": []}}
    if _SLACK.fullmatch(host):
        text = alert.write_text("```", SLACK_LENGTH)
        return {"text": text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")}
    document = {**alert._asdict(), "log": list(alert.log), "text": alert.write_text()}
    return {"version": 1, **document}


def build_mail_line(reference: str, alert: Alert) -> dict[str, Any]:
    """Return the log line that makes a cloud send an e-mail. `reference` stands for the address, which is not in it."""
    line = {"node": alert.node, "route": "email", "http": 200, "status": alert.event, "email": reference}
    return {**line, "subject": alert.write_subject(), "text": alert.write_text(most=MAIL_LENGTH)}


def post_alert(address: str, alert: Alert) -> None:
    """Post an alert to a webhook. Raises AlertError."""
    body = json.dumps(write_document(alert, find_host(address))).encode()
    send("POST", address, body)


def find_host(address: str) -> str:
    """Return the host of an address that may be called. Raises AlertError.

    The trigger has rights in its cloud. So it calls only addresses with a certificate of a public name: no metadata
    server and no private service has one.
    """
    try:
        parts = urlsplit(address.strip())
        host = (parts.hostname or "").lower()
    except ValueError:
        raise AlertError("the address is not a URL") from None
    if parts.scheme != "https" or not host:
        raise AlertError("the address does not begin with https://")
    try:
        ipaddress.ip_address(host)
    except ValueError:
        if not _PRIVATE.fullmatch(host):
            return host
    raise AlertError(f"{host} is not the name of a public host")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the answer with one is an error."""

    def redirect_request(self, *_arguments: Any, **_options: Any) -> None:
        return None


def send(method: str, address: str, body: bytes | None = None) -> None:
    """Call an address once. Raises AlertError."""
    host = find_host(address)
    headers = {"User-Agent": "prediction-nodes", **({"Content-Type": "application/json"} if body else {})}
    # Built here, since it reads the authorities' certificates.
    opener = urllib.request.build_opener(_NoRedirect())
    try:
        request = urllib.request.Request(address.strip(), data=body, headers=headers, method=method)  # noqa: S310
        with opener.open(request, timeout=TIMEOUT):
            return
    except urllib.error.HTTPError as error:
        with error:
            wait = error.headers.get("Retry-After")
            again = f", and asks to wait {wait[:20]} s" if error.code == 429 and wait else ""
            raise AlertError(f"{host} answered {error.code}{again}") from None
    except (OSError, HTTPException, ValueError) as error:
        raise AlertError(f"{host} did not answer ({type(error).__name__})") from None
