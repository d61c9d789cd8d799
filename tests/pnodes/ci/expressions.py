"""Evaluates the expressions (`${{ ... }}`) that these workflow files use. Any other expression fails the test."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

_TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<name>[A-Za-z_][\w.-]*)|(?P<sign>\|\||&&|==|!=|[!(),]))")
Contexts = Mapping[str, Any]


def fill(text: str, contexts: Contexts, functions: Mapping[str, Callable[..., Any]]) -> str:
    """Replace the expressions in a text by their values."""
    return re.sub(r"\$\{\{(.*?)\}\}", lambda found: _shown(value(found[1], contexts, functions)), text)


def value(expression: str, contexts: Contexts, functions: Mapping[str, Callable[..., Any]]) -> Any:
    """Return the value of an expression."""
    parser = _Parser(expression, contexts, functions)
    found = parser.either()
    assert parser.at == len(parser.tokens), f"not understood: {expression}"
    return found


class _Parser:
    def __init__(self, text: str, contexts: Contexts, functions: Mapping[str, Callable[..., Any]]) -> None:
        self.contexts, self.functions, self.at = contexts, functions, 0
        text = text.strip()
        self.tokens: list[tuple[str, str]] = []
        position = 0
        while position < len(text):
            found = _TOKEN.match(text, position)
            assert found, f"not understood: {text}"
            assert found.lastgroup
            self.tokens.append((found.lastgroup, found[found.lastgroup]))
            position = found.end()

    def either(self) -> Any:
        found = self.both()
        while self.took("||"):
            other = self.both()
            found = found or other
        return found

    def both(self) -> Any:
        found = self.compared()
        while self.took("&&"):
            other = self.compared()
            found = found and other
        return found

    def compared(self) -> Any:
        found = self.one()
        if self.took("=="):
            return _plain(found) == _plain(self.one())
        if self.took("!="):
            return _plain(found) != _plain(self.one())
        return found

    def one(self) -> Any:
        if self.took("!"):
            return not self.one()
        if self.took("("):
            found = self.either()
            assert self.took(")")
            return found
        kind, text = self.tokens[self.at]
        self.at += 1
        if kind == "text":
            return text[1:-1].replace("''", "'")
        assert kind == "name", text
        if not self.took("("):
            return self.looked_up(text)
        given = []
        while not self.took(")"):
            given.append(self.either())
            self.took(",")
        return self.functions[text](*given)

    def looked_up(self, path: str) -> Any:
        if path in ("true", "false"):
            return path == "true"
        first, *rest = path.split(".")
        found: Any = self.contexts[first]
        for name in rest:
            found = found.get(name) if isinstance(found, Mapping) else None
        return found

    def took(self, sign: str) -> bool:
        if self.at < len(self.tokens) and self.tokens[self.at] == ("sign", sign):
            self.at += 1
            return True
        return False


def _plain(found: Any) -> Any:
    return "" if found is None else found


def _shown(found: Any) -> str:
    return {None: "", True: "true", False: "false"}.get(found, found) if not isinstance(found, str) else found
