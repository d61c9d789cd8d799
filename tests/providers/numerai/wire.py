"""A fake of Numerai without a network: the answers to `post` of requests.Session, and the requests to it."""

from __future__ import annotations

import json
from typing import Any

import requests


class Wire:
    """Gives `answers` one after the other and then repeats the last one; `asked` holds the requests."""

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.asked: list[dict[str, Any]] = []

    def post(self, url: str, **sent: Any) -> requests.Response:
        """Replaces `post` of requests.Session."""
        self.asked.append({"url": url, **sent})
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if callable(answer):
            answer = answer(sent)
        if isinstance(answer, Exception):
            raise answer
        status, body = answer if isinstance(answer, tuple) else (200, answer)
        response = requests.Response()
        response.status_code = status
        response._content = (body if isinstance(body, str) else json.dumps(body)).encode()
        return response
