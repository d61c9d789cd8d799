"""Evaluates the conditions of role assignments (ABAC).

The sandbox supports the part of the language that conditions on blobs use: !, AND, OR, parentheses, ActionMatches,
SubOperationMatches and string comparisons of @Resource and @Request attributes. A condition with anything else never
grants a permission.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_TOKENS = re.compile(
    r"\s*(?:(?P<mark>[()!])|(?P<word>AND\b|OR\b|NOT\b)"
    r"|(?P<call>ActionMatches|SubOperationMatches)\{'(?P<argument>[^']*)'\}"
    r"|@(?P<source>Resource|Request)\[(?P<attribute>[^\]]+)\]\s+(?P<operator>\w+)\s+'(?P<value>[^']*)')"
)


class ConditionError(Exception):
    """The expression cannot be parsed; the message shows the position."""


@dataclass
class Facts:
    """The attributes of a request that conditions can refer to, by their last part ("path", "prefix")."""

    action: str
    suboperation: str = ""
    resource: Mapping[str, str] = field(default_factory=dict)
    request: Mapping[str, str] = field(default_factory=dict)


def holds(expression: str, facts: Facts) -> bool:
    """Return whether the condition is true for a request. Raises ConditionError."""
    reader = _Reader(expression, facts)
    result = reader.disjunction()
    if reader.peek() is not None:
        raise ConditionError(f"unexpected text after the condition: {reader.rest()}")
    return result


class _Reader:
    def __init__(self, text: str, facts: Facts) -> None:
        self._text, self._facts, self._at = text.strip(), facts, 0

    def peek(self) -> re.Match[str] | None:
        if self._at >= len(self._text):
            return None
        match = _TOKENS.match(self._text, self._at)
        if match is None:
            raise ConditionError(f"cannot read: {self.rest()}")
        return match

    def rest(self) -> str:
        return self._text[self._at : self._at + 60]

    def _take(self, **expected: str) -> bool:
        token = self.peek()
        if token is None or any(token.group(group) != value for group, value in expected.items()):
            return False
        self._at = token.end()
        return True

    def disjunction(self) -> bool:
        value = self._conjunction()
        while self._take(word="OR"):
            right = self._conjunction()
            value = value or right
        return value

    def _conjunction(self) -> bool:
        value = self._term()
        while self._take(word="AND"):
            right = self._term()
            value = value and right
        return value

    def _term(self) -> bool:
        if self._take(mark="!") or self._take(word="NOT"):
            return not self._term()
        if self._take(mark="("):
            value = self.disjunction()
            if not self._take(mark=")"):
                raise ConditionError(f"expected ) before: {self.rest()}")
            return value
        token = self.peek()
        if token is None or not (token.group("call") or token.group("source")):
            raise ConditionError(f"expected a comparison at: {self.rest()}")
        self._at = token.end()
        if token.group("call") == "ActionMatches":
            return fnmatch.fnmatchcase(self._facts.action.lower(), token.group("argument").lower())
        if token.group("call"):
            return self._facts.suboperation == token.group("argument")
        source = self._facts.resource if token.group("source") == "Resource" else self._facts.request
        have = source.get(token.group("attribute").rsplit(":", 1)[-1])
        return have is not None and _compare(token.group("operator"), have, token.group("value"))


def _compare(operator: str, have: str, value: str) -> bool:
    if operator == "StringEquals":
        return have == value
    if operator == "StringStartsWith":
        return have.startswith(value)
    if operator == "StringLike":
        pattern = ".*".join(re.escape(part) for part in value.split("*")).replace(r"\?", ".")
        return re.fullmatch(pattern, have, re.DOTALL) is not None
    raise ConditionError(f"the operator {operator} is not supported")
