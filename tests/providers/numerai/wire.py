"""Answers of Numerai without a network: what `requests.post` returns, and what it was asked."""

from __future__ import annotations

import json
from typing import Any

import requests


class Wire:
    """`answers` are given one after the other, the last one again and again; `asked` is what was sent."""

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.asked: list[dict[str, Any]] = []

    def post(self, url: str, **sent: Any) -> requests.Response:
        """Stands for requests.post."""
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
