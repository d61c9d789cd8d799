"""Takes secrets out of what is shown: those of the stack by their value, others by what they look like.

Nothing of this project prints a key or a token, but a model may print anything, and a page is soon shown to others or
sent as a file. A value that is known is taken out wherever it stands; what merely looks like a secret is taken out
where a name or a form says so, so that a log of numbers stays readable.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from markupsafe import escape

HIDDEN = "***"
_SHORTEST = 8
_VALUE = r"[A-Za-z0-9+/_=.$~%-]{12,}"
_NAMED = r"[\w.-]*(?:secret|passwor[dt]|passphrase|token|api[_-]?key|access[_-]?key|signature|credential|\bsig)[\w.-]*"
_PATTERNS = (
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
    """Knows a stack's secrets; its text shows none of them."""

    def __init__(self, secrets: Iterable[str]) -> None:
        known = {each for each in secrets if len(each) >= _SHORTEST}
        # As they stand in a text, in HTML and in JSON; the longest first, since one may hold another.
        spelled = {form for each in known for form in (each, str(escape(each)), json.dumps(each)[1:-1])}
        longest = sorted(spelled, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest))) if longest else None

    def text(self, text: str) -> str:
        """A text that others wrote, such as a line of a log."""
        for pattern in _PATTERNS:
            text = pattern.sub(rf"\g<1>{HIDDEN}", text)
        return self.values(text)

    def values(self, text: str) -> str:
        """Only the known values taken out: for what was written here around such texts."""
        return self._known.sub(HIDDEN, text) if self._known else text
