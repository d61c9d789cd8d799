"""The certificates that our HTTPS clients trust. A process loads them once: loading takes longer than a call."""

from __future__ import annotations

import functools
import os
import ssl

import httpx


def load_trust() -> ssl.SSLContext:
    """Return httpx's default context. SSL_CERT_FILE and SSL_CERT_DIR name other certificates than certifi's."""
    return _load(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@functools.cache
def _load(_file: str | None, _folder: str | None) -> ssl.SSLContext:
    return httpx.create_ssl_context()
