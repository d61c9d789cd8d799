"""The providers that an environment attaches to the engine instead of its plugins (PULUMI_DEBUG_PROVIDERS)."""

from __future__ import annotations

import socket
from collections.abc import Mapping


def explain_stopped(environ: Mapping[str, str]) -> str | None:
    """Return a sentence if one of them is not running: the engine's and the clouds' answers would mislead."""
    for entry in filter(None, environ.get("PULUMI_DEBUG_PROVIDERS", "").split(",")):
        name, _, port = entry.partition(":")
        try:
            socket.create_connection(("127.0.0.1", int(port)), timeout=2).close()
        except OSError:
            return environ.get("PNODES_WHEN_STOPPED") or (
                f"The provider {name}, which PULUMI_DEBUG_PROVIDERS expects on port {port}, is not running."
            )
    return None
