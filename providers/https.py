"""The HTTPS requests of the dynamic providers.

The program imports the providers for the sake of their resources and makes no request: httpx, which takes 6 MiB and
50 ms, is imported with the first one.
"""

from __future__ import annotations

import functools
import os
import ssl
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx


class NoResponse(Exception):
    """A request had no response, or an invalid one. The text is httpx's."""


def open_client(**options: Any) -> httpx.Client:
    """Return a client with these options of httpx."""
    import httpx

    return httpx.Client(verify=_load_trust(), **options)


def request(method: str, url: str, client: httpx.Client | None = None, **arguments: Any) -> httpx.Response:
    """Make a request, by default with a new client, and return the response. Raises NoResponse."""
    import httpx

    send = client.request if client else functools.partial(httpx.request, verify=_load_trust())
    try:
        return send(method, url, **arguments)
    except httpx.HTTPError as error:
        raise NoResponse(str(error)) from error


def _load_trust() -> ssl.SSLContext:
    """Return httpx's default context. SSL_CERT_FILE and SSL_CERT_DIR name other certificates than certifi's."""
    return _load(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@functools.cache
def _load(_file: str | None, _folder: str | None) -> ssl.SSLContext:
    """Load the certificates once for a process: it takes longer than a request."""
    import httpx

    return httpx.create_ssl_context()
