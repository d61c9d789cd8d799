"""A request that the program has sent, and what a description of the service says about it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass
class Sent:
    """A request as it came: the path encoded, header names in lower case, the host without a port."""

    method: str
    host: str
    path: str
    query: list[tuple[str, str]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @staticmethod
    def to(method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Sent:
        """Return a request to a URL."""
        parts = urlsplit(url)
        query = parse_qsl(parts.query, keep_blank_values=True)
        lower = {name.lower(): value for name, value in headers.items()}
        return Sent(method, parts.hostname or "", parts.path, query, lower, body or b"")

    def has_json(self) -> bool:
        """Return whether the body is JSON by its type."""
        return "json" in self.headers.get("content-type", "")

    def json(self) -> Any:
        """Return the body's value; {} if there is none."""
        return json.loads(self.body or b"{}")


@dataclass
class Verdict:
    """The operation that a request is, by its description, and what is wrong with it."""

    operation: str
    problems: list[str] = field(default_factory=list)
