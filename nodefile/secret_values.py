"""Recognises secrets by their form, such as a GitHub token.

`env` of nodes.yaml refuses them, and logs are shown without them.
Only forms that nothing else has are listed: a digest, a UUID or a long number is no secret.
"""

from __future__ import annotations

import re

KINDS = {
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    "a JSON web token": r"\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*",
    "an AWS access key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "a Google API key": r"\bAIza[\w-]{35}(?![\w-])",
    "a Google access token": r"\bya29\.[\w.-]{10,}",
    "a GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{22,})",
    "a GitLab token": r"\bglpat-[\w-]{20,}",
    "a Slack token": r"\bxox[abeoprs]-[\w-]{10,}",
    "the address of a webhook": r"\bhttps://(?:hooks\.slack\.com/services|discord(?:app)?\.com/api/webhooks)/[\w/-]{20,}",
    "a Telegram token": r"\b\d{8,10}:AA[\w-]{33}(?![\w-])",
    "an OpenAI or Anthropic key": r"\bsk-[\w-]{20,}",
    "a Stripe key": r"\b[rs]k_live_[A-Za-z0-9]{16,}",
    "a Hugging Face token": r"\bhf_[A-Za-z0-9]{30,}",
    "a PyPI token": r"\bpypi-[\w-]{50,}",
    "a Pulumi token": r"\bpul-[0-9a-f]{40}\b",
    # The fourteen digits come from PHP's `uniqid`; a decimal number has no letters.
    "an EODHD token": r"\b(?=\d*[a-f])[0-9a-f]{14}\.\d{8}\b",
}
ADDRESS = "an address with a password", r"\b[a-z][a-z0-9+.-]*://[^/\s:@]+:[^/\s@]+@"
_KINDS = {kind: re.compile(pattern) for kind, pattern in (*KINDS.items(), ADDRESS)}


def recognise(text: str) -> str | None:
    """Return what kind of secret a text contains, or None."""
    return next((kind for kind, pattern in _KINDS.items() if pattern.search(text)), None)
