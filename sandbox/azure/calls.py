"""One call to a host of Azure's, and its answer, free of any web framework."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Call:
    """Host lower-case and without port; header names lower-case; `client` is who the gateway says is calling."""

    method: str
    host: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    client: str = ""

    def json(self) -> dict[str, Any]:
        """The body as an object; {} when there is none."""
        value = json.loads(self.body or b"{}")
        return value if isinstance(value, dict) else {}


@dataclass
class Reply:
    """Status, body and headers."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class Refused(Exception):
    """An answer that says no, in the words of the service."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


def reply(body: Any, status: int = 200, **headers: str) -> Reply:
    """A JSON answer."""
    return Reply(status, json.dumps(body).encode(), {"content-type": "application/json; charset=utf-8", **headers})


def arm_error(refused: Refused) -> Reply:
    """A refusal as Resource Manager words it."""
    return reply({"error": {"code": refused.code, "message": str(refused)}}, refused.status)
