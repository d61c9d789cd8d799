"""The URL that Numerai calls: how it is made, and how it leads to the rest of its trigger."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit, urlunsplit


def webhook_url(host: str, model_id: str, token: str) -> str:
    """Return the webhook of a model below its trigger's base URL, which may end in a slash."""
    return f"{host.rstrip('/')}/pred/{model_id}?token={token}"


def beside(webhook: str, path: str) -> str:
    """Return the URL of another path of the webhook's trigger, without the token."""
    parts = urlsplit(webhook)
    return urlunsplit((parts.scheme, parts.netloc, parts.path.split("/pred/")[0] + path, "", ""))


def token(webhook: str) -> str:
    """Return the token in a webhook; nothing where it has none."""
    return parse_qs(urlsplit(webhook).query).get("token", [""])[0]
