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
from yaml.error import Mark, MarkedYAMLError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from nodefile.problems import Position

MAX_VALUES = 20_000
MAX_DEPTH = 20
MAX_BYTES = 1_000_000
Path = tuple[str | int, ...]
_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(0|[1-9][0-9]*)?\.[0-9]+|[-+]?(0|[1-9][0-9]*)(\.[0-9]*)?[eE][-+]?[0-9]+")
_STANDARD = "tag:yaml.org,2002:"
_TEXT, _MAP, _LIST = _STANDARD + "str", _STANDARD + "map", _STANDARD + "seq"
_HALF = re.compile("[\ud800-\udfff]")
_YAML_1_1 = yaml.SafeLoader("")


@dataclass
class Document:
    """The values of a file and where each is.

    `ambiguous`: texts which other YAML readers would not read as texts. `written`: how the file spells a number or
    true/false, since 3.10 is not 3.1 to the person who wrote it.
    """

    value: Any = None
    keys: dict[Path, Position] = field(default_factory=dict)
    values: dict[Path, Position] = field(default_factory=dict)
    ambiguous: set[Path] = field(default_factory=set)
    written: dict[Path, str] = field(default_factory=dict)
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
    if len(content) > MAX_BYTES:
        document.problems.append((Position(1, 1), f"the file has {len(content)} bytes; it may have {MAX_BYTES}."))
        return document
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        begin = content.rfind(b"\n", 0, error.start) + 1
        column = len(content[begin : error.start].decode("utf-8-sig", "replace")) + 1
        document.problems.append((Position(line, column), "this is not UTF-8 text. Save the file as UTF-8."))
        return document
    try:
        roots = list(yaml.compose_all(text, Loader=_Loader))
    except yaml.YAMLError as error:
        document.problems.append(_syntax(error, text))
        return document
    if len(roots) > 1:
        where = _position(roots[1])
        document.problems.append((where, "a second YAML document begins here; the file holds one. Remove the ---."))
        return document
    if roots and roots[0] is not None:
        reader = _Reader(document)
        value = reader.value(roots[0], ())
        document.value = None if reader.full else value
    return document


def _position(node: Node) -> Position:
    return Position(node.start_mark.line + 1, node.start_mark.column + 1)


class _TooDeep(MarkedYAMLError):
    pass


class _Loader(yaml.SafeLoader):
    """Stops at a depth that no right file has, long before Python's own stack would end."""

    _depth = 0

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            mark: Mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise _TooDeep(problem=_DEEP, problem_mark=mark)
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


_DEEP = f"the values are nested deeper than {MAX_DEPTH} levels; nodes.yaml needs four."
_SYNTAX = {
    "mapping values are not allowed here": (
        'a "key:" cannot stand here. Look at the indentation of this line and of the one above, '
        'and put a text that holds ": " in quotes.'
    ),
    "expected <block end>, but found": (
        "this line does not fit the ones above. Look at its indentation, and at quotes and brackets before it."
    ),
    "could not find expected ':'": 'a key without its colon. Write "key: value", with a space after the colon.',
    "cannot start any token": "a text that begins with this character needs quotes.",
}


def _syntax(error: yaml.YAMLError, text: str) -> tuple[Position, str]:
    if isinstance(error, yaml.reader.ReaderError):
        before = text[: error.position]
        where = Position(before.count("\n") + 1, len(before) - before.rfind("\n"))
        return where, "here is a control character. Remove it, and save the file as plain text."
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    where = Position(mark.line + 1, mark.column + 1) if mark else Position(1, 1)
    what = getattr(error, "problem", None) or str(error).split("\n")[0]
    if isinstance(error, _TooDeep):
        return where, what
    if "found character '\\t'" in what:
        return where, "a tab cannot indent YAML. Use spaces."
    if "found undefined alias" in what:
        return where, f"{what.removeprefix('found ')}: nothing has this anchor (&name)."
    for known, sentence in _SYNTAX.items():
        if known in what:
            return where, f"this is not YAML: {sentence}"
    return where, f"this is not YAML: {what}."


class _Reader:
    def __init__(self, document: Document) -> None:
        self._document, self._count, self._open = document, 0, set[int]()
        self.full = False

    def value(self, node: Node, path: Path) -> Any:
        self._document.values[path] = _position(node)
        self._count += 1
        if id(node) in self._open:
            return self._stop(node, "an alias (*name) stands inside of what it names; write the values out.")
        if self._count > MAX_VALUES:
            return self._stop(node, f"aliases make more of this file than it may hold ({MAX_VALUES} values).")
        if len(path) > MAX_DEPTH:
            return self._stop(node, _DEEP)
        self._open.add(id(node))
        try:
            if isinstance(node, ScalarNode):
                return self._scalar(node, path)
            if node.tag not in (_MAP, _LIST):
                return self._foreign(node)
            if isinstance(node, MappingNode):
                return self._mapping(node, path)
            assert isinstance(node, SequenceNode)
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value) if not self.full]
        finally:
            self._open.discard(id(node))

    def _stop(self, node: Node, message: str) -> None:
        """One mistake after which the rest of the file says nothing."""
        if not self.full:
            self.full = True
            self._problem(node, message)

    def _foreign(self, node: Node) -> None:
        tag = node.tag.replace(_STANDARD, "!!")
        self._problem(node, f"{tag} is a tag of another program; write a plain value.")

    def _halved(self, node: ScalarNode) -> bool:
        """Whether an escape such as "\\ud83d" has put half a character into a text, which nothing could write again."""
        found = _HALF.search(node.value)
        if found:
            escape = found[0].encode("unicode_escape").decode()
            self._problem(node, f"the escape {escape} is half a character; write the character itself.")
        return found is not None

    def _problem(self, node: Node, message: str) -> None:
        self._document.problems.append((_position(node), message))

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if self.full:
                break
            if not isinstance(key_node, ScalarNode):
                self._problem(key_node, "a key has to be a word, not a list or a mapping.")
                continue
            key = str(key_node.value)
            if self._halved(key_node):
                continue
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
        if self._halved(node):
            return None
        text = str(node.value)
        usual = self._yaml_1_1(text) if node.style is None else _TEXT
        if node.tag not in (usual, _TEXT):
            return self._foreign(node)
        if node.tag == _TEXT and (node.style is not None or usual != _TEXT):
            return text
        if text in ("", "~", "null", "Null", "NULL"):
            return None
        value: Any = text
        if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
            value = text.lower() == "true"
        elif _INT.fullmatch(text) and len(text) <= 18:
            value = int(text)
        elif _FLOAT.fullmatch(text):
            value = float(text)
        elif usual != _TEXT:
            self._document.ambiguous.add(path)
        if value is not text:
            self._document.written[path] = text
        return value

    @staticmethod
    def _yaml_1_1(text: str) -> str:
        return str(_YAML_1_1.resolve(ScalarNode, text, (True, False)))  # type: ignore[no-untyped-call]
