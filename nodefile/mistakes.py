"""What readers of nodes.yaml raise, and how they read mappings and lists part by part."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nodefile.problems import did_you_mean, join_words


@dataclass(frozen=True)
class Mistake:
    """One mistake inside a value: the key or the list index of the wrong part. `at_key`: the key itself is wrong."""

    key: str | int
    error: ValueError
    at_key: bool = False


class Mistakes(ValueError):
    """Several mistakes inside one value."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = list(mistakes)
        super().__init__(" ".join(str(mistake.error) for mistake in mistakes))


class NotText(ValueError):
    """A number or true/false instead of a string."""


def read_parts(
    name: str, value: dict[str, Any], readers: Mapping[str, Callable[[Any], Any]], needed: Mapping[str, str]
) -> dict[str, Any]:
    """Read a mapping with these keys. `needed`: the message for each key that must not be missing."""
    mistakes = [
        at_key(
            key, f'{name} has no key "{key}"; expected {join_words(list(readers), "and")}.{did_you_mean(key, readers)}'
        )
        for key in value
        if key not in readers
    ]
    for message in [message for key, message in needed.items() if key not in value and not mistakes]:
        raise ValueError(message)
    parts = {key: read_part(mistakes, value, key, read) for key, read in readers.items() if key in value}
    if mistakes:
        raise Mistakes(mistakes)
    return parts


def at_key(key: str, message: str) -> Mistake:
    """Return the mistake that a key itself is wrong."""
    return Mistake(key, ValueError(message), at_key=True)


def read_part(mistakes: list[Mistake], value: Any, key: str | int, read: Callable[[Any], Any]) -> Any:
    """Read one part of a mapping or list. If it is wrong, append to `mistakes` and return None."""
    try:
        return read(value[key])
    except ValueError as error:
        mistakes.append(Mistake(key, error))
        return None


def read_items(values: Sequence[Any], read: Callable[[Any], Any]) -> list[Any]:
    """Read each item of a list."""
    mistakes: list[Mistake] = []
    items = [read_part(mistakes, values, index, read) for index in range(len(values))]
    if mistakes:
        raise Mistakes(mistakes)
    return items
