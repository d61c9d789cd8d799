"""No key in plain text: neither anything that looks like a key of Numerai's nor the value of any secret setting.

What is marked secret is encrypted in the state and goes to a secret store; anything else can be read in states,
previews and the clouds' consoles. A sentence here names the place and never the value.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from urllib.parse import quote

from policies.resource import Given, Resource, texts

# Numerai's public ids have 32 capitals and digits, its secret keys 64. Digests have hexadecimal digits only.
_KEY = re.compile(r"(?<![A-Za-z0-9+/])(?:[A-Z0-9]{64}|[A-Z0-9]{32})(?![A-Za-z0-9+/])")
_NO_KEY = re.compile(r"[0-9A-F]+|[A-Z]+")
_SHORTEST = 8


def no_plaintext_key(resource: Resource, given: Given) -> Iterator[str]:
    """Each text of a resource that is not secret."""
    forbidden = [form for secret in sorted(given.secrets) if len(secret) >= _SHORTEST for form in forms(secret)]
    for path, text in texts(resource.props):
        if _is_secret(path, resource.secret):
            continue
        if any(form in text for form in forbidden):
            yield f"{path} holds the value of a secret setting in plain text: pass it on as the secret that it is."
        elif looks_like_a_key(text):
            yield (
                f"{path} holds what looks like a Numerai API key in plain text: set it with "
                "`pulumi config set --secret`, from where it reaches the node by reference."
            )


def looks_like_a_key(text: str) -> bool:
    """Whether there is something like a Numerai key in a text."""
    return any(not _NO_KEY.fullmatch(found) for found in _KEY.findall(text))


def forms(secret: str) -> list[str]:
    """How a secret can stand in a text: as it is, in base64 (without what follows it), in an address."""
    encoded = base64.b64encode(secret.encode()).decode().rstrip("=")[:-1]
    return list(dict.fromkeys([secret, encoded, quote(secret, safe="")]))


def _is_secret(path: str, secret: frozenset[str]) -> bool:
    """Whether a path, or something that it is a part of, is marked secret."""
    return any(path == known or path.startswith((f"{known}.", f"{known}[")) for known in secret)
