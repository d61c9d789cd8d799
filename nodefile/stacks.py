"""Reads `stacks` of nodes.yaml, which divides the nodes among several Pulumi stacks.

Each stack takes the nodes of some clouds, of some regions, or the nodes that it lists. If several stacks could take a
node, a list of nodes comes before a region, and a region before a cloud.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nodefile.clouds import REGIONS
from nodefile.node import Node
from nodefile.problems import did_you_mean, join_words

FORMS = ("nodes", "region", "cloud")
"""What a stack's entry selects, the most specific first."""
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_EXPECTED = "expected `cloud`, `region` or `nodes` with one or more names, such as {cloud: aws}."

Mistake = tuple[tuple[str | int, ...], str]
"""The path of the wrong value in the file, and a sentence."""


class Stacks:
    """The entries of `stacks`, and their `mistakes`."""

    def __init__(self, raw: Any) -> None:
        self.names: tuple[str, ...] = ()
        self.mistakes: list[Mistake] = []
        self._owners: dict[tuple[str, str], str] = {}
        """(form, name) -> stack, such as ("cloud", "aws") -> "live"."""
        if not isinstance(raw, dict) or not raw:
            self.mistakes.append((("stacks",), f"expected a stack's name and under it its part: {_EXPECTED}"))
            return
        self.names = tuple(raw)
        for stack, entry in raw.items():
            self.mistakes += self._read_entry(stack, entry)

    def _read_entry(self, stack: str, entry: Any) -> Iterator[Mistake]:
        place = ("stacks", stack)
        if not _NAME.fullmatch(stack):
            yield place, f'"{stack}" cannot be the name of a stack: expected letters, digits, "-", "_" and dots.'
        if not isinstance(entry, dict) or len(entry) != 1 or not entry.keys() <= set(FORMS):
            yield place, _EXPECTED
            return
        [(form, value)] = entry.items()
        names = value if isinstance(value, list) else [value]
        if not names or not all(isinstance(name, str) for name in names):
            yield (*place, form), _EXPECTED
            return
        for name in names:
            owner = self._owners.setdefault((form, name), stack)
            if owner != stack:
                yield (*place, form), f"the stack {owner} has {form} {name} too; a node belongs to one stack."
            if form == "cloud" and name not in REGIONS:
                yield (*place, form), f'"{name}" is not a cloud; expected {join_words(list(REGIONS))}.'

    def check_names(self, nodes: Sequence[str]) -> Iterator[Mistake]:
        """Yield a mistake for each listed node that the file does not have."""
        for (form, name), stack in self._owners.items():
            if form == "nodes" and name not in nodes:
                yield ("stacks", stack, form), f'there is no node "{name}".{did_you_mean(name, nodes)}'

    def find_stack(self, node: Node) -> str | None:
        """Return the stack of a node; None if no entry selects it."""
        selectable: Mapping[str, str] = {"nodes": node.name, "region": node.region, "cloud": node.cloud}
        owners = (self._owners.get((form, selectable[form])) for form in FORMS)
        return next(filter(None, owners), None)
