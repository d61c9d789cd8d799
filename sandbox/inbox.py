"""Where alerts arrive: Discord, Slack, healthchecks.io and another host that takes JSON, and the clouds' e-mails.

The services refuse what the real ones refuse, as far as an alert could be wrong. Every message is kept in the store.
"""

from __future__ import annotations

import json
import re
import time
from typing import Any

from sandbox.calls import Call, Reply, reply, serve
from sandbox.store import Store

DISCORD, SLACK, HEALTHCHECKS, OTHER = "discord.com", "hooks.slack.com", "hc-ping.com", "alerts.example.com"
_KIND = "inbox"
_MAX_CONTENT = 2000


class Inbox:
    """The app of the hosts; the messages are in the store and survive a restart."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.app = serve(self.answer)

    @staticmethod
    def owns(host: str) -> bool:
        """Return whether requests to this host are for the inbox."""
        return host in (DISCORD, SLACK, HEALTHCHECKS, OTHER)

    def answer(self, call: Call) -> Reply:
        """Answer a request as the host's service would, and keep it."""
        if call.host == HEALTHCHECKS:
            deliver(self._store, "heartbeat", call.path, client=call.client)
            return Reply(200, b"OK", {"content-type": "text/plain"})
        if call.method != "POST":
            return Reply(405)
        try:
            document = call.json()
        except ValueError:
            return reply({"message": "The request body contains invalid JSON."}, 400)
        field = {DISCORD: "content", SLACK: "text"}.get(call.host)
        text = document.get(field, "") if field else json.dumps(document)
        if not isinstance(text, str) or not text:
            return reply({"message": "Cannot send an empty message"}, 400)
        if call.host == DISCORD and not re.fullmatch(r"/api/webhooks/\d+/[\w-]+", call.path):
            return reply({"message": "404: Not Found", "code": 0}, 404)
        if call.host == DISCORD and len(text) > _MAX_CONTENT:
            return reply({"content": ["Must be 2000 or fewer in length."]}, 400)
        kind = {DISCORD: "discord", SLACK: "slack"}.get(call.host, "json")
        deliver(self._store, kind, call.path, client=call.client, text=text, document=document)
        if call.host == DISCORD:
            return Reply(204)
        return Reply(200, b"ok", {"content-type": "text/plain"})


def deliver(store: Store, kind: str, to: str, key: str = "", **more: Any) -> None:
    """Keep a message. One with a key is kept once."""
    store.insert(_KIND, key or f"{time.time_ns():020d}", {"kind": kind, "to": to, "at": time.time(), **more})


def list_messages(store: Store) -> list[dict[str, Any]]:
    """Return all messages, oldest first."""
    return sorted(store.all(_KIND).values(), key=lambda message: float(message["at"]))
