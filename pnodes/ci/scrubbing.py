"""Takes known secrets out of a text before it leaves this machine.

The engine hides what it knows to be secret, and GitHub masks its own secrets in logs, but not in comments or issues.
This is the second lock: whatever the values of the stack's secrets, of the webhooks and of the environment's
credentials turn up in, they are replaced, also where they were encoded.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

HIDDEN = "[secret]"
# Shorter ones are words, which stand in a text for reasons of their own.
_SHORTEST = 8
_SHORTEST_LINE = 20
_SECRET_NAMES = re.compile(r"TOKEN|SECRET|PASSWORD|PASSPHRASE|ACCESS_KEY|PUBLIC_ID|CREDENTIALS", re.IGNORECASE)
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")


class Scrubber:
    """`scrub(text)` is the text without any of the secrets, and without the colours of a terminal."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        found = {form for secret in secrets for part in _parts(secret) for form in _forms(part)}
        # The longest first: a webhook's address before the token in it.
        ordered = sorted(found, key=lambda text: (-len(text), text))
        self._pattern = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def scrub(self, text: str) -> str:
        """The text that may be shown."""
        plain = _ANSI.sub("", text)
        return self._pattern.sub(HIDDEN, plain) if self._pattern else plain


def of_environment(environ: Mapping[str, str]) -> Iterator[str]:
    """Values of variables that are secret by their names."""
    for name, value in environ.items():
        if _SECRET_NAMES.search(name) and not name.endswith(("_FILE", "_URL", "_PATH")):
            yield value


def of_configuration(config: Mapping[str, Any]) -> Iterator[str]:
    """Secret values of what `pulumi config --json --show-secrets` prints."""
    for setting in config.values():
        if isinstance(setting, Mapping) and setting.get("secret"):
            yield from _texts(setting.get("objectValue", setting.get("value")))
            yield from _texts(setting.get("value"))


def of_webhooks(outputs: Mapping[str, Any]) -> Iterator[str]:
    """The webhooks in a stack's outputs, and the tokens in them."""
    for url in _texts(outputs.get("webhooks")):
        yield url
        yield from (value for _, value in parse_qsl(urlsplit(url).query))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)


def _parts(secret: str) -> Iterator[str]:
    """A secret, and the lines of one that has several: a key file may be shown line by line."""
    stripped = secret.strip()
    if len(stripped) >= _SHORTEST:
        yield stripped
    lines = stripped.splitlines()
    if len(lines) > 1:
        yield from (line.strip() for line in lines if len(line.strip()) >= _SHORTEST_LINE)


def _forms(secret: str) -> Iterator[str]:
    """As it is, as in JSON and addresses, and in base64 wherever in a longer text it begins."""
    yield secret
    yield json.dumps(secret)[1:-1]
    yield quote(secret, safe="")
    raw = secret.encode()
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + raw).rstrip(b"=").decode()
        # What stands at the ends depends on the neighbours too.
        inner = encoded[(0, 2, 3)[shift] : -1]
        if len(inner) >= _SHORTEST:
            yield inner
            yield inner.replace("+", "-").replace("/", "_")
