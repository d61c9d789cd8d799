"""Removes secrets from a text before it is displayed or leaves this machine.

The engine hides values that are marked as secret, and GitHub masks its own secrets in logs, but not in comments or
issues. A model may print anything, and a page may be shown to others or sent as a file. This module is the second line
of defence. It replaces known secrets wherever they occur, encoded forms included. It replaces other values only if
their name or format marks them as secret, so that a log of numbers stays readable.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from markupsafe import escape

from nodefile.secret_values import KINDS

HIDDEN = "***"
# Shorter values may be ordinary words.
_SHORTEST = 8
_SHORTEST_LINE = 20
_SECRET_NAMES = re.compile(r"TOKEN|SECRET|PASSWORD|PASSPHRASE|ACCESS_KEY|PUBLIC_ID|CREDENTIALS", re.IGNORECASE)
# Escape sequences of the terminal, such as colours, and invisible control characters.
_CONTROLS = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])|[\x00-\x08\x0b-\x1f\x7f]")
_VALUE = r"[A-Za-z0-9+/_=.$~%-]{12,}"
_NAMED = r"[\w.-]*(?:secret|passwor[dt]|passphrase|token|api[_-]?key|access[_-]?key|signature|credential|\bsig)[\w.-]*"
_PATTERNS = (
    re.compile(r"(?i)([?&;]token=)[^\s&\"'<>]+"),
    re.compile(r"(?i)(/pred/[^/\s?\"'<>]+/)[\w-]{20,}"),
    re.compile(rf"(?i)({_NAMED}[\"']?\s*[=:]\s*[\"']?){_VALUE}"),
    re.compile(rf"(?i)(\b(?:bearer|token|basic)\s+){_VALUE}"),
    re.compile(r"()\beyJ[\w-]{10,}\.[\w-]+\.[\w-]*"),
    re.compile(r"(?s)()-----BEGIN [A-Z ]*PRIVATE KEY-----.*"),
    re.compile(rf"()(?:{'|'.join(KINDS.values())})"),
    re.compile(r"(https?://[^/\s:@]*:)[^/\s@]+(?=@)"),
)


class Scrubber:
    """Removes known secrets, colours and other control characters from texts."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets for part in _parts(secret) for form in _forms(part)}
        # Longest first: a webhook URL before the token that it contains.
        self._forms = sorted(forms, key=lambda form: (-len(form), form))

    def scrub(self, text: str) -> str:
        """Remove the known secrets from a text that this project or the engine wrote."""
        return self._replace_forms(_CONTROLS.sub("", text))

    def scrub_foreign(self, text: str) -> str:
        """Remove known and likely secrets from a text that a model, a cloud or Numerai wrote."""
        text = _CONTROLS.sub("", text)
        for pattern in _PATTERNS:
            text = pattern.sub(rf"\g<1>{HIDDEN}", text)
        return self._replace_forms(text)

    def _replace_forms(self, text: str) -> str:
        # Twenty times as fast as one regular expression of all forms.
        for form in self._forms:
            text = text.replace(form, HIDDEN)
        return text


def secrets(environ: Mapping[str, str], config: Mapping[str, Any], outputs: Mapping[str, Any]) -> Iterator[str]:
    """Yield the secrets in the environment, in a stack's configuration and in the webhooks among its outputs."""
    yield from of_environment(environ)
    yield from of_configuration(config)
    yield from of_webhooks(outputs)


def of_environment(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the values of variables whose names mark them as secret."""
    for name, value in environ.items():
        if _SECRET_NAMES.search(name) and not name.endswith(("_FILE", "_URL", "_PATH")):
            yield value


def of_configuration(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield the secret values in the output of `pulumi config --json --show-secrets`."""
    for setting in config.values():
        if isinstance(setting, Mapping) and setting.get("secret"):
            yield from _texts(setting.get("objectValue", setting.get("value")))
            yield from _texts(setting.get("value"))


def of_webhooks(outputs: Mapping[str, Any]) -> Iterator[str]:
    """Yield the webhook URLs in a stack's outputs, and their tokens."""
    for url in _texts(outputs.get("webhooks")):
        yield url
        yield from (value for _, value in parse_qsl(urlsplit(url).query))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _parts(secret: str) -> Iterator[str]:
    """Yield a secret with and without control characters, and its long lines: a key file may be printed by line."""
    stripped = secret.strip()
    if len(stripped) >= _SHORTEST:
        yield stripped
        yield _CONTROLS.sub("", stripped)
    lines = stripped.splitlines()
    if len(lines) > 1:
        yield from (line.strip() for line in lines if len(line.strip()) >= _SHORTEST_LINE)


def _forms(secret: str) -> Iterator[str]:
    """Yield a secret unchanged, escaped for JSON, HTML and URLs, and in base64 at any offset in a longer text."""
    if len(secret) < _SHORTEST:
        return
    yield secret
    yield json.dumps(secret)[1:-1]
    yield str(escape(secret))
    yield quote(secret, safe="")
    raw = secret.encode()
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + raw).rstrip(b"=").decode()
        # The characters at both ends also depend on the neighbouring bytes.
        inner = encoded[(0, 2, 3)[shift] : -1]
        if len(inner) >= _SHORTEST:
            yield inner
            yield inner.replace("+", "-").replace("/", "_")
