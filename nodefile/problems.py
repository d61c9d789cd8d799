"""Problems in nodes.yaml with their positions, and the formatting of values in messages."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MAX_SHOWN = 80  # characters of a value that a message repeats


@dataclass(frozen=True, order=True)
class Position:
    """Line and column, counted from 1."""

    line: int
    column: int


@dataclass(frozen=True)
class Problem:
    """A mistake in the file. As text: nodes.yaml:12:9: message."""

    path: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}: {self.message}"


class NodeFileError(Exception):
    """The file is not valid; `problems` are all of its mistakes, in the order of their lines."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(map(str, self.problems)))


def did_you_mean(word: str, known: Iterable[str], spellings: Mapping[str, str] | None = None) -> str:
    """Return ' Did you mean "x"?' for a near miss, else "". `spellings` maps words of `known` to the real spelling."""
    near = difflib.get_close_matches(word.lower()[:100], list(known), n=1, cutoff=0.6)
    return f' Did you mean "{(spellings or {}).get(near[0], near[0])}"?' if near else ""


def join_words(words: Iterable[str], joint: str = "or") -> str:
    """Return words as a list in a sentence, such as "a, b or c"."""
    *others, last = words
    return f"{', '.join(others)} {joint} {last}" if others else last


def escape_unprintable(message: str) -> str:
    """Return a message with unprintable characters escaped, so that a problem stays on one line of a terminal."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in message)


def format_value(value: Any) -> str:
    """Return a value as messages show it."""
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "nothing"
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    if isinstance(value, str) and len(value) > MAX_SHOWN:
        return repr(value[:MAX_SHOWN] + "...")
    return repr(value)
