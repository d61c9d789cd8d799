"""Parses YAML, with the position of every value and without the surprises of YAML 1.1.

`no` is not false, `12:30` is not 750 and a date is not a date object. Plain words that other YAML parsers do not read
as strings are marked as ambiguous, so that the caller can ask for quotes. Duplicate keys and merge keys are rejected
(nodes.yaml has `defaults` instead), and so are aliases that expand a small file into a huge one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.composer import Composer
from yaml.error import Mark, MarkedYAMLError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from nodefile.problems import Position

MAX_VALUES = 250_000
MAX_DEPTH = 20
MAX_BYTES = 5_000_000
SLOW_SIZE = 50_000
"""Up to this number of characters, PyYAML's own parser is fast enough."""
Path = tuple[str | int, ...]
_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(0|[1-9][0-9]*)?\.[0-9]+|[-+]?(0|[1-9][0-9]*)(\.[0-9]*)?[eE][-+]?[0-9]+")
_STANDARD = "tag:yaml.org,2002:"
_TEXT, _MAP, _LIST = _STANDARD + "str", _STANDARD + "map", _STANDARD + "seq"
_SMART_QUOTES = re.compile("[‘“„].*|.*[’”]", re.DOTALL)
_ODD_SPACE = re.compile("[\u00a0\u2000-\u200b\u202f\u3000\ufeff]")
_HALF = re.compile("[\ud800-\udfff]")
_YAML_1_1 = yaml.SafeLoader("")


@dataclass
class Document:
    """The values of a file, and the positions of keys and values.

    `ambiguous`: strings that other YAML parsers do not read as strings. `spellings`: the file's own spelling of numbers
    and true/false, because the user who wrote 3.10 did not mean 3.1.
    """

    value: Any = None
    keys: dict[Path, Position] = field(default_factory=dict)
    values: dict[Path, Position] = field(default_factory=dict)
    ambiguous: set[Path] = field(default_factory=set)
    spellings: dict[Path, str] = field(default_factory=dict)
    problems: list[tuple[Position, str]] = field(default_factory=list)

    def locate(self, path: Path) -> Position:
        """Return the position of a value, or of the nearest value around it that exists."""
        while path and path not in self.values:
            path = path[:-1]
        return self.values.get(path, Position(1, 1))

    def locate_key(self, path: Path) -> Position:
        """Return the position of a value's key."""
        return self.keys.get(path) or self.locate(path)


def read(content: bytes) -> Document:
    """Parse a file. Mistakes are in `problems`; `value` is None if the file is empty or cannot be parsed at all."""
    document = Document()
    if len(content) > MAX_BYTES:
        document.problems.append((Position(1, 1), f"the file has {len(content)} bytes; the limit is {MAX_BYTES}."))
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
        roots = _compose(text)
    except yaml.YAMLError as error:
        document.problems.append(_explain(error, text))
        return document
    if len(roots) > 1:
        message = "a second YAML document begins here, and only one is allowed. Remove the ---."
        document.problems.append((_locate(roots[1]), message))
        return document
    if roots and roots[0] is not None:
        reader = _Reader(document)
        value = reader.read(roots[0], ())
        document.value = None if reader.stopped else value
    return document


def _compose(text: str) -> list[Node]:
    """Return the documents of a text. Raises YAMLError.

    libyaml's parser is ten times as fast. PyYAML's has better messages and does not accept tabs and lonely tags.
    """
    if len(text) > SLOW_SIZE and yaml.__with_libyaml__ and not set("\t!") & set(text):
        try:
            return list(yaml.compose_all(text, Loader=_FastLoader))
        except (yaml.YAMLError, UnicodeError):
            pass
    return list(yaml.compose_all(text, Loader=_Loader))


def _locate(node: Node) -> Position:
    return Position(node.start_mark.line + 1, node.start_mark.column + 1)


class _TooDeep(MarkedYAMLError):
    pass


class _LimitedComposer(Composer):
    """Stops at a depth that no valid file has, long before Python's own recursion limit."""

    _depth = 0

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            mark: Mark = self.peek_event().start_mark  # type: ignore[attr-defined]
            raise _TooDeep(problem=_DEEP, problem_mark=mark)
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


class _Loader(_LimitedComposer, yaml.SafeLoader):
    """PyYAML's own parser, whose error messages are known."""


class _FastLoader(_LimitedComposer, yaml.CSafeLoader):
    """libyaml's parser. The composer is PyYAML's, because libyaml's has no limit."""

    def __init__(self, stream: Any) -> None:
        yaml.CSafeLoader.__init__(self, stream)
        Composer.__init__(self)


_DEEP = f"the values are nested more than {MAX_DEPTH} levels deep; nodes.yaml needs four."
_SYNTAX = {
    "mapping values are not allowed here": (
        'a "key:" is not allowed here. Check the indentation of this line and the line above, '
        'and quote text that contains ": ".'
    ),
    "expected <block end>, but found": (
        "this line does not fit the lines above. Check its indentation, and the quotes and brackets before it."
    ),
    "could not find expected ':'": 'a key has no colon. Write "key: value", with a space after the colon.',
    "cannot start any token": "text that begins with this character must be quoted.",
}


def _explain(error: yaml.YAMLError, text: str) -> tuple[Position, str]:
    if isinstance(error, yaml.reader.ReaderError):
        before = text[: error.position]
        position = Position(before.count("\n") + 1, len(before) - before.rfind("\n"))
        return position, "there is a control character here. Remove it, and save the file as plain text."
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    position = Position(mark.line + 1, mark.column + 1) if mark else Position(1, 1)
    problem = getattr(error, "problem", None) or str(error).split("\n")[0]
    if isinstance(error, _TooDeep):
        return position, problem
    if "found character '\\t'" in problem:
        return position, "YAML cannot be indented with tabs. Use spaces."
    if "found undefined alias" in problem:
        return position, f"{problem.removeprefix('found ')}: no value has this anchor (&name)."
    for part, sentence in _SYNTAX.items():
        if part in problem:
            return position, f"this is not valid YAML: {sentence}"
    return position, f"this is not valid YAML: {problem}."


class _Reader:
    def __init__(self, document: Document) -> None:
        self._document, self._count, self._open = document, 0, set[int]()
        self.stopped = False

    def read(self, node: Node, path: Path) -> Any:
        self._document.values[path] = _locate(node)
        self._count += 1
        if id(node) in self._open:
            return self._stop(node, "an alias (*name) is inside the value that it refers to; write the values out.")
        if self._count > MAX_VALUES:
            return self._stop(node, f"with its aliases expanded, the file has more than {MAX_VALUES} values.")
        if len(path) > MAX_DEPTH:
            return self._stop(node, _DEEP)
        self._open.add(id(node))
        try:
            if isinstance(node, ScalarNode):
                return self._read_scalar(node, path)
            if node.tag not in (_MAP, _LIST):
                return self._reject_tag(node)
            if isinstance(node, MappingNode):
                return self._read_mapping(node, path)
            assert isinstance(node, SequenceNode)
            return [self.read(item, (*path, index)) for index, item in enumerate(node.value) if not self.stopped]
        finally:
            self._open.discard(id(node))

    def _stop(self, node: Node, message: str) -> None:
        """Report a mistake that makes the rest of the file unreadable."""
        if not self.stopped:
            self.stopped = True
            self._report(node, message)

    def _reject_tag(self, node: Node) -> None:
        tag = node.tag.replace(_STANDARD, "!!")
        self._report(node, f"the tag {tag} is not supported; write a plain value.")

    def _reject_half(self, node: ScalarNode) -> bool:
        """Report an escape for half a character, such as "\\ud83d", which cannot be encoded; whether there is one."""
        half = _HALF.search(node.value)
        if half:
            escape = half[0].encode("unicode_escape").decode()
            self._report(node, f"the escape {escape} is only half a character; write the character itself.")
        return half is not None

    def _reject_pasted(self, node: ScalarNode, text: str) -> bool:
        """Report characters that word processors and web pages put in place of quotes and spaces; whether any are."""
        if _SMART_QUOTES.fullmatch(text):
            self._report(node, "the value is in typographic quotes: YAML knows only \" and '.")
        elif odd := _ODD_SPACE.search(text):
            code = f"U+{ord(odd[0]):04X}"
            self._report(node, f"the value has a space that is not an ordinary one: type it again ({code}).")
        else:
            return False
        return True

    def _report(self, node: Node, message: str) -> None:
        self._document.problems.append((_locate(node), message))

    def _read_mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if self.stopped:
                break
            if not isinstance(key_node, ScalarNode):
                self._report(key_node, "a key must be a word, not a list or a mapping.")
                continue
            key = str(key_node.value)
            if self._reject_half(key_node):
                continue
            if key == "<<" and not key_node.style:
                self._report(key_node, "merge keys (<<) are not supported. Put shared values under `defaults`.")
                continue
            key_path = (*path, key)
            if key in values:
                first = self._document.keys[key_path]
                self._report(key_node, f'the key "{key}" is repeated; it is already in line {first.line}.')
                continue
            self._document.keys[key_path] = _locate(key_node)
            values[key] = self.read(value_node, key_path)
        return values

    def _read_scalar(self, node: ScalarNode, path: Path) -> Any:
        if self._reject_half(node):
            return None
        text = str(node.value)
        plain = not node.style  # libyaml: "", PyYAML: None
        if plain and self._reject_pasted(node, text):
            return None
        usual = self._resolve_tag(text) if plain else _TEXT
        if node.tag not in (usual, _TEXT):
            return self._reject_tag(node)
        if node.tag == _TEXT and (not plain or usual != _TEXT):
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
            self._document.spellings[path] = text
        return value

    @staticmethod
    def _resolve_tag(text: str) -> str:
        """Return the tag that YAML 1.1 gives to a plain scalar."""
        return str(_YAML_1_1.resolve(ScalarNode, text, (True, False)))  # type: ignore[no-untyped-call]
