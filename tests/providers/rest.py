"""Faked answers of a cloud's REST API by URL, for checks that use `Account.call`."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

from providers.operations import Refused
from tests.descriptions.every import require


class Rest:
    """`answers` maps a part of a URL to the answer, or to the Refused to raise. The first match applies."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def __call__(self, *_: Any) -> Rest:
        return self

    def call(self, what: str, method: str, url: str, _scope: str, body: Any = None) -> Any:
        """Replaces both clouds' Account.call."""
        sent = json.dumps(body).encode() if body is not None else None
        require(method, url, {"content-type": "application/json"}, sent)
        assert method == "GET" or url.endswith(":getEffectiveOrgPolicy"), "the doctor changes nothing"
        self.asked.append(url)
        for part, answer in self.answers.items():
            if part in unquote(url):
                if isinstance(answer, Refused):
                    raise answer
                return answer
        raise AssertionError(f"nobody answers {url}, asked to {what}")
