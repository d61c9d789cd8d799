"""Rejects keys in plain text: strings that look like a Numerai key, and values of secret settings.

Secret values are encrypted in the state and stored in a secret store. All other values are readable in states, previews
and the clouds' consoles. Messages name the property and never the value.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from urllib.parse import quote

from policies.resource import Context, Resource, find_texts

# Numerai's public ids have 32 capitals and digits, its secret keys 64. Digests have hexadecimal digits only.
_KEY = re.compile(r"(?<![A-Za-z0-9+/])(?:[A-Z0-9]{64}|[A-Z0-9]{32})(?![A-Za-z0-9+/])")
_NOT_A_KEY = re.compile(r"[0-9A-F]+|[A-Z]+")
_MIN_LENGTH = 8


def no_plaintext_key(resource: Resource, context: Context) -> Iterator[str]:
    """Check each string of a resource that is not secret."""
    forbidden = [
        form for secret in sorted(context.secrets) if len(secret) >= _MIN_LENGTH for form in list_forms(secret)
    ]
    for path, text in find_texts(resource.props):
        if _is_secret(path, resource.secret):
            continue
        if any(form in text for form in forbidden):
            yield f"{path} contains the value of a secret setting in plain text: mark it as a secret."
        elif looks_like_a_key(text):
            yield (
                f"{path} contains plain text that looks like a Numerai API key: set the key with "
                "`pulumi config set --secret`; the node gets it by reference."
            )


def looks_like_a_key(text: str) -> bool:
    """Whether a string contains something that looks like a Numerai key."""
    return any(not _NOT_A_KEY.fullmatch(match) for match in _KEY.findall(text))


def list_forms(secret: str) -> list[str]:
    """Return a secret in plain form, in base64 (without the characters that depend on what follows) and URL-encoded."""
    encoded = base64.b64encode(secret.encode()).decode().rstrip("=")[:-1]
    return list(dict.fromkeys([secret, encoded, quote(secret, safe="")]))


def _is_secret(path: str, secret: frozenset[str]) -> bool:
    """Whether a path, or a path above it, is marked secret."""
    return any(path == marked or path.startswith((f"{marked}.", f"{marked}[")) for marked in secret)
