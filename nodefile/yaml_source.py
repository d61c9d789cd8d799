"""YAML as this project reads it: every value with its position, and none of YAML 1.1's surprises.

`no` is not false, `12:30` is not 750, a date is not a date object: a plain word that other YAML readers turn into
something else is marked, so that whoever wants a text there can ask for quotes. Keys may not repeat, merge keys are not
read (that is what `defaults` is for), and aliases may not blow a small file up.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from nodefile.problems import Position

MAX_VALUES = 20_000
MAX_DEPTH = 20
Path = tuple[str | int, ...]
_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(0|[1-9][0-9]*)?\.[0-9]+|[-+]?(0|[1-9][0-9]*)(\.[0-9]*)?[eE][-+]?[0-9]+")
_TEXT = "tag:yaml.org,2002:str"
_YAML_1_1 = yaml.SafeLoader("")


@dataclass
class Document:
    """The values of a file, where each is, and which texts other YAML readers would not read as texts."""

    value: Any = None
    keys: dict[Path, Position] = field(default_factory=dict)
    values: dict[Path, Position] = field(default_factory=dict)
    ambiguous: set[Path] = field(default_factory=set)
    problems: list[tuple[Position, str]] = field(default_factory=list)

    def where(self, path: Path) -> Position:
        """Where a value is, or the nearest thing around it that is there."""
        while path and path not in self.values:
            path = path[:-1]
        return self.values.get(path, Position(1, 1))

    def key(self, path: Path) -> Position:
        """Where a value's key is."""
        return self.keys.get(path) or self.where(path)


def read(content: bytes) -> Document:
    """Read one file; mistakes are in `problems`, and `value` is None when nothing can be made of it."""
    document = Document()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        document.problems.append((Position(line, column), "this is not UTF-8 text. Save the file as UTF-8."))
        return document
    try:
        roots = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    except yaml.YAMLError as error:
        document.problems.append(_syntax(error))
        return document
    if len(roots) > 1:
        where = _position(roots[1])
        document.problems.append((where, "a second YAML document begins here; the file holds one. Remove the ---."))
        return document
    if roots and roots[0] is not None:
        reader = _Reader(document)
        document.value = reader.value(roots[0], ())
    return document


def _position(node: Node) -> Position:
    return Position(node.start_mark.line + 1, node.start_mark.column + 1)


def _syntax(error: yaml.YAMLError) -> tuple[Position, str]:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    where = Position(mark.line + 1, mark.column + 1) if mark else Position(1, 1)
    what = getattr(error, "problem", None) or str(error).split("\n")[0]
    if "found character '\\t'" in what:
        return where, "a tab cannot indent YAML. Use spaces."
    if "special characters are not allowed" in str(error):
        return Position(1, 1), "the file holds control characters. Save it as plain text."
    if "found undefined alias" in what:
        return where, f"{what.removeprefix('found ')}: nothing has this anchor (&name)."
    return where, f"this is not YAML: {what}."


class _Reader:
    def __init__(self, document: Document) -> None:
        self._document, self._count, self._open = document, 0, set[int]()
        self._full = False

    def value(self, node: Node, path: Path) -> Any:
        self._document.values[path] = _position(node)
        self._count += 1
        if self._count > MAX_VALUES or len(path) > MAX_DEPTH or id(node) in self._open:
            if not self._full:
                self._full = True
                self._problem(node, f"aliases make more of this file than it may hold ({MAX_VALUES} values).")
            return None
        self._open.add(id(node))
        try:
            if isinstance(node, MappingNode):
                return self._mapping(node, path)
            if isinstance(node, SequenceNode):
                return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
            assert isinstance(node, ScalarNode)
            return self._scalar(node, path)
        finally:
            self._open.discard(id(node))

    def _problem(self, node: Node, message: str) -> None:
        self._document.problems.append((_position(node), message))

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if self._full:
                break
            if not isinstance(key_node, ScalarNode):
                self._problem(key_node, "a key has to be a word, not a list or a mapping.")
                continue
            key = str(key_node.value)
            if key == "<<" and key_node.style is None:
                self._problem(key_node, "merge keys (<<) are not read. Put what nodes share under `defaults`.")
                continue
            here = (*path, key)
            if key in found:
                first = self._document.keys[here]
                self._problem(key_node, f'"{key}" stands here a second time; it is already in line {first.line}.')
                continue
            self._document.keys[here] = _position(key_node)
            found[key] = self.value(value_node, here)
        return found

    def _scalar(self, node: ScalarNode, path: Path) -> Any:
        text = str(node.value)
        if node.style is not None or (node.tag == _TEXT and node.tag != self._yaml_1_1(text)):
            return text
        if node.tag.startswith("!"):
            self._problem(node, f"{node.tag} is a tag of another program; write a plain value.")
            return None
        if text in ("", "~", "null", "Null", "NULL"):
            return None
        if text in ("true", "True", "TRUE"):
            return True
        if text in ("false", "False", "FALSE"):
            return False
        if _INT.fullmatch(text) and len(text) <= 18:
            return int(text)
        if _FLOAT.fullmatch(text):
            return float(text)
        if self._yaml_1_1(text) != _TEXT:
            self._document.ambiguous.add(path)
        return text

    @staticmethod
    def _yaml_1_1(text: str) -> str:
        return str(_YAML_1_1.resolve(ScalarNode, text, (True, False)))  # type: ignore[no-untyped-call]
