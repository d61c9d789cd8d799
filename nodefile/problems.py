"""A mistake in nodes.yaml, where it is, and how its sentence names what came."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MAX_SHOWN = 80  # characters of a value that a sentence repeats


@dataclass(frozen=True, order=True)
class Position:
    """Line and column, counted from 1."""

    line: int
    column: int


@dataclass(frozen=True)
class Problem:
    """One mistake; as text: nodes.yaml:12:9: message."""

    path: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}: {self.message}"


class NodeFileError(Exception):
    """The file cannot be used; `problems` are all of its mistakes, in the order of their lines."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(map(str, self.problems)))


def did_you_mean(word: str, known: Iterable[str], spelled: Mapping[str, str] | None = None) -> str:
    """' Did you mean "x"?' for a near miss, else nothing; `spelled` says how a word of `known` is really written."""
    near = difflib.get_close_matches(word.lower()[:100], list(known), n=1, cutoff=0.6)
    return f' Did you mean "{(spelled or {}).get(near[0], near[0])}"?' if near else ""


def listed(words: Iterable[str], joint: str = "or") -> str:
    """a, b or c."""
    *others, last = words
    return f"{', '.join(others)} {joint} {last}" if others else last


def one_line(message: str) -> str:
    """A message for a terminal: what cannot be seen is written as an escape, so that a problem stays one line."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in message)


def shown(value: Any) -> str:
    """A value as a sentence names it."""
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "nothing"
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    if isinstance(value, str) and len(value) > MAX_SHOWN:
        return repr(value[:MAX_SHOWN] + "...")
    return repr(value)
