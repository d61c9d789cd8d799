"""IAM conditions: the part of the Common Expression Language that this program's bindings use.

It consists of startsWith on resource.name or an API attribute, comparison of resource.type, `&&`, `||`, `!` and
parentheses. Anything else is an error, so that an unsupported condition never grants a permission.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"\s*(?:"
    r"(?P<logic>&&|\|\||!(?!=)|\(|\))"
    r"|(?P<source>resource\.(?:name|type|service)|api\.getAttribute\('(?P<attribute>[^']*)',\s*'(?P<default>[^']*)'\))"
    r"\s*(?:\.startsWith\((?P<quote>['\"])(?P<prefix>.*?)(?P=quote)\)|==\s*(?P<quote2>['\"])(?P<equal>.*?)(?P=quote2))"
    r")"
)


class ConditionError(Exception):
    """The sandbox does not support the expression."""


@dataclass
class Facts:
    """The attributes of a request that conditions can refer to."""

    name: str
    type: str = ""
    service: str = ""
    attributes: dict[str, str] = field(default_factory=dict)


def holds(expression: str, facts: Facts) -> bool:
    """Return whether an expression is true. Raises ConditionError."""
    tokens, position = [], 0
    text = expression.strip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ConditionError(f"cannot read the condition at: {text[position : position + 60]}")
        tokens.append(match)
        position = match.end()
    reader = _Reader(tokens, facts)
    result = reader.either()
    if reader.has_more():
        raise ConditionError(f"unexpected text in the condition {text!r}")
    return result


class _Reader:
    def __init__(self, tokens: list[re.Match[str]], facts: Facts) -> None:
        self._tokens, self._facts, self._at = tokens, facts, 0

    def has_more(self) -> bool:
        return self._at < len(self._tokens)

    def _take(self, sign: str) -> bool:
        if self.has_more() and self._tokens[self._at]["logic"] == sign:
            self._at += 1
            return True
        return False

    def either(self) -> bool:
        value = self._both()
        while self._take("||"):
            right = self._both()
            value = value or right
        return value

    def _both(self) -> bool:
        value = self._term()
        while self._take("&&"):
            right = self._term()
            value = value and right
        return value

    def _term(self) -> bool:
        if self._take("!"):
            return not self._term()
        if self._take("("):
            value = self.either()
            if not self._take(")"):
                raise ConditionError("a parenthesis is not closed")
            return value
        if not self.has_more() or not self._tokens[self._at]["source"]:
            raise ConditionError("expected a comparison")
        token = self._tokens[self._at]
        self._at += 1
        have = self._value(token)
        return have == token["equal"] if token["equal"] is not None else have.startswith(token["prefix"])

    def _value(self, token: re.Match[str]) -> str:
        if token["attribute"] is not None:
            return self._facts.attributes.get(token["attribute"], token["default"])
        return {"name": self._facts.name, "type": self._facts.type, "service": self._facts.service}[
            token["source"].split(".")[1]
        ]
