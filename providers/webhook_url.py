"""Builds the URL that Numerai calls, and derives the trigger's other URLs and the token from it."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit, urlunsplit


def build_webhook_url(host: str, model_id: str, token: str) -> str:
    """Return a model's webhook. `host` is the trigger's base URL and may end in a slash."""
    return f"{host.rstrip('/')}/pred/{model_id}?token={token}"


def build_trigger_url(webhook: str, path: str) -> str:
    """Return the URL of another path of the webhook's trigger, without the token."""
    parts = urlsplit(webhook)
    return urlunsplit((parts.scheme, parts.netloc, parts.path.split("/pred/")[0] + path, "", ""))


def read_token(webhook: str) -> str:
    """Return the token of a webhook, or an empty string if it has none."""
    return parse_qs(urlsplit(webhook).query).get("token", [""])[0]
