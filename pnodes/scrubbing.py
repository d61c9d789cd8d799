"""Takes secrets out of a text before it is shown or leaves this machine.

The engine hides what it knows to be secret, and GitHub masks its own secrets in logs, but not in comments or issues;
a model may print anything, and a page is soon shown to others or sent as a file. This is the second lock. Known
secrets are replaced wherever they occur, also where they are encoded. What only looks like a secret is replaced where
a name or a form says so, so that a log of numbers stays readable.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from markupsafe import escape

HIDDEN = "***"
# Shorter values are words that occur in a text for other reasons.
_SHORTEST = 8
_SHORTEST_LINE = 20
_SECRET_NAMES = re.compile(r"TOKEN|SECRET|PASSWORD|PASSPHRASE|ACCESS_KEY|PUBLIC_ID|CREDENTIALS", re.IGNORECASE)
# Colours and other orders to a terminal, and the control characters that no text shows.
_CONTROLS = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])|[\x00-\x08\x0b-\x1f\x7f]")
_VALUE = r"[A-Za-z0-9+/_=.$~%-]{12,}"
_NAMED = r"[\w.-]*(?:secret|passwor[dt]|passphrase|token|api[_-]?key|access[_-]?key|signature|credential|\bsig)[\w.-]*"
_LOOKS = (
    re.compile(r"(?i)([?&;]token=)[^\s&\"'<>]+"),
    re.compile(r"(?i)(/pred/[^/\s?\"'<>]+/)[\w-]{20,}"),
    re.compile(rf"(?i)({_NAMED}[\"']?\s*[=:]\s*[\"']?){_VALUE}"),
    re.compile(rf"(?i)(\b(?:bearer|token|basic)\s+){_VALUE}"),
    re.compile(r"()\beyJ[\w-]{10,}\.[\w-]+\.[\w-]*"),
    re.compile(r"()\bya29\.[\w.-]+"),
    re.compile(r"()\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    re.compile(r"(?s)()-----BEGIN [A-Z ]*PRIVATE KEY-----.*"),
    re.compile(r"(https?://[^/\s:@]*:)[^/\s@]+(?=@)"),
)


class Scrubber:
    """Knows secrets; the texts that it returns show none of them, nor colours and other control characters."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = {form for secret in secrets for part in _parts(secret) for form in _forms(part)}
        # The longest first: a webhook's address before the token in it.
        self._known = sorted(known, key=lambda form: (-len(form), form))

    def scrub(self, text: str) -> str:
        """Remove the known secrets from a text that this project or the engine wrote."""
        return self._without_known(_CONTROLS.sub("", text))

    def scrub_foreign(self, text: str) -> str:
        """Remove also what looks like a secret from a text that a model, a cloud or Numerai wrote."""
        text = _CONTROLS.sub("", text)
        for look in _LOOKS:
            text = look.sub(rf"\g<1>{HIDDEN}", text)
        return self._without_known(text)

    def _without_known(self, text: str) -> str:
        # Twenty times as fast as one regular expression of all forms.
        for form in self._known:
            text = text.replace(form, HIDDEN)
        return text


def secrets(environ: Mapping[str, str], config: Mapping[str, Any], outputs: Mapping[str, Any]) -> Iterator[str]:
    """Yield the secrets of the environment, of a stack's configuration and of the webhooks in its outputs."""
    yield from of_environment(environ)
    yield from of_configuration(config)
    yield from of_webhooks(outputs)


def of_environment(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the values of variables that are secret by their names."""
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
    """Yield the webhooks in a stack's outputs, and the tokens in them."""
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
    """Yield a secret, as it is and without controls, and the lines of a longer one: a key file may be shown by line."""
    stripped = secret.strip()
    if len(stripped) >= _SHORTEST:
        yield stripped
        yield _CONTROLS.sub("", stripped)
    lines = stripped.splitlines()
    if len(lines) > 1:
        yield from (line.strip() for line in lines if len(line.strip()) >= _SHORTEST_LINE)


def _forms(secret: str) -> Iterator[str]:
    """Yield a secret as it is, as in JSON, HTML and addresses, and in base64 wherever in a longer text it begins."""
    if len(secret) < _SHORTEST:
        return
    yield secret
    yield json.dumps(secret)[1:-1]
    yield str(escape(secret))
    yield quote(secret, safe="")
    raw = secret.encode()
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + raw).rstrip(b"=").decode()
        # What stands at the ends depends on the neighbours too.
        inner = encoded[(0, 2, 3)[shift] : -1]
        if len(inner) >= _SHORTEST:
            yield inner
            yield inner.replace("+", "-").replace("/", "_")
