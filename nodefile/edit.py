"""Adds nodes to the text of nodes.yaml. Lines are added and no other byte is changed: comments, order, quotes,
indentation and line ends stay as the person wrote them.

The place is found from the positions of YAML's own events, and the result is read again: it must hold exactly what the
file held, and the new nodes. Where lines cannot be added (`nodes: {}`, a file in flow style) ruamel.yaml writes the
file, which keeps comments and order but may lay out long lines anew; its result is held against the same measure.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    Event,
    MappingStartEvent,
    ScalarEvent,
)

from nodefile import yaml_source

Value = str | bool | float | Mapping[str, str | float]
Entries = Mapping[str, Mapping[str, Value]]
"""New nodes by name, with their fields."""


class CannotEdit(Exception):
    """No program can add these nodes to this file; `lines` are what a person would write."""

    def __init__(self, lines: str) -> None:
        super().__init__("the nodes cannot be added without changing what the file says")
        self.lines = lines


def with_nodes(content: bytes, entries: Entries) -> bytes:
    """The file's content with these nodes at the end of `nodes`. Raises CannotEdit, also for what is no nodes.yaml."""
    before = yaml_source.read(content)
    root = {} if before.value is None else before.value
    if not before.problems and isinstance(root, dict) and isinstance(root.get("nodes") or {}, dict):
        for edit in (_by_lines, _by_ruamel):
            after = edit(content, entries)
            if after is not None and _holds(after, root, entries):
                return after
    raise CannotEdit("".join(_lines(entries, 2, 2, False)))


def word(text: str, inside: bool = False) -> str:
    """A text as a YAML value: plain if every reader takes it for that text, else in quotes. `inside`: of brackets."""
    read = yaml_source.read((f"x: [{text}]\n" if inside else f"x: {text}\n").encode())
    wanted = {"x": [text] if inside else text}
    if not read.problems and not read.ambiguous and read.value == wanted and text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else f"\\U{ord(char):08x}" for char in json.dumps(text, ensure_ascii=False)
    )


def _written(value: Value, inside: bool = False) -> str:
    """A value in one line."""
    if isinstance(value, str):
        return word(value, inside)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_written(part, True)}" for key, part in value.items()) + "}"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if float(f"{value:g}") == value else repr(value)


def _holds(after: bytes, old: dict[str, Any], entries: Entries) -> bool:
    """Whether a file says what it said before, in the same order, and the new nodes at the end."""
    read = yaml_source.read(after)
    wanted = {**old, "nodes": {**(old.get("nodes") or {}), **{name: dict(fields) for name, fields in entries.items()}}}
    if read.problems or read.value != wanted:
        return False
    return list(read.value) == list(wanted) and list(read.value["nodes"]) == list(wanted["nodes"])


@dataclass(frozen=True)
class _Place:
    """Where lines are added: behind `end` (an index into the text) and the comments that follow it in column `own` or
    further right; as keys in `column`, with fields `step` further right. `apart`: nodes stand apart by empty lines.
    `head`: `nodes:` itself is missing."""

    end: int
    own: int
    column: int
    step: int = 2
    apart: bool = False
    head: bool = False


def _by_lines(content: bytes, entries: Entries) -> bytes | None:
    text = content.decode("utf-8")
    place = _find(text)
    if place is None:
        return None
    at = _after_comments(text, place)
    before, after = text[:at], text[at:]
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = _lines(entries, place.column, place.step, place.apart)
    if place.head:
        lines.insert(0, " " * (place.column - 2) + "nodes:\n")
    if place.apart or (place.head and before.strip("\ufeff")):
        above = before.rstrip("\r\n ")
        if above and before.count("\n", len(above)) < 2:
            lines.insert(0, "\n")
        if after and after.split("\n")[0].strip():
            lines.append("\n")
    if before.strip("\ufeff") and not before.endswith("\n"):
        lines.insert(0, "\n")
    return (before + "".join(lines).replace("\n", newline) + after).encode()


def _lines(entries: Entries, column: int, step: int, apart: bool) -> list[str]:
    lines: list[str] = []
    for name, fields in entries.items():
        if apart and lines:
            lines.append("\n")
        lines.append(f"{' ' * column}{word(name)}:\n")
        lines += [f"{' ' * (column + step)}{key}: {_written(value)}\n" for key, value in fields.items()]
    return lines


def _find(text: str) -> _Place | None:
    """The place behind the last node, or behind `nodes:`, or at the end; None when lines cannot be added."""
    roots = _children(event for event in yaml.parse(text, Loader=yaml.SafeLoader) if isinstance(event, _CONTENT))
    if not roots or isinstance(roots[0][0], ScalarEvent):  # nothing but comments
        return _Place(len(text), 1, 2, head=True)
    root = roots[0]
    if not isinstance(root[0], MappingStartEvent) or root[0].flow_style:
        return None
    column = _mark(root[0].start_mark).column
    parts = _children(root[1:-1])
    for key, value in zip(parts[::2], parts[1::2], strict=True):
        if isinstance(key[0], ScalarEvent) and key[0].value == "nodes":
            return _behind(text, value, column)
    return _Place(_end(root), column + 1, column + 2, head=True)


def _behind(text: str, nodes: list[Event], column: int) -> _Place | None:
    """The place in the value of `nodes`, which stands in this column."""
    first = nodes[0]
    if isinstance(first, ScalarEvent):
        return _Place(_mark(first.end_mark).index, column + 1, column + 2)
    if not isinstance(first, MappingStartEvent) or first.flow_style:
        return None
    indent = _mark(first.start_mark).column
    parts = _children(nodes[1:-1])
    blocks = [value[0] for value in parts[1::2] if isinstance(value[0], MappingStartEvent) and not value[0].flow_style]
    step = _mark(blocks[-1].start_mark).column - indent if blocks else 2
    apart = len(parts) == 2 or _empty_line_above(text, _mark(parts[-2][0].start_mark).line)
    return _Place(_end(nodes), indent + 1, indent, step, apart)


def _mark(mark: Any) -> yaml.Mark:
    """A position, which every event of a text has."""
    assert mark is not None
    return mark  # type: ignore[no-any-return]


_CONTENT = (ScalarEvent, AliasEvent, CollectionStartEvent, CollectionEndEvent)


def _children(events: Iterable[Event]) -> list[list[Event]]:
    """The events of each value in turn, of a mapping's keys too."""
    found: list[list[Event]] = []
    depth = 0
    for event in events:
        if depth == 0:
            found.append([])
        found[-1].append(event)
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
    return found


def _end(events: Iterable[Event]) -> int:
    """Where these values end; YAML sees the end of a collection in block style only at what comes next."""
    flow: list[bool] = []
    end = 0
    for event in events:
        if isinstance(event, CollectionStartEvent):
            flow.append(bool(event.flow_style))
        elif not isinstance(event, CollectionEndEvent) or flow.pop():
            end = _mark(event.end_mark).index
    return end


def _empty_line_above(text: str, line: int) -> bool:
    """Whether a node, with the comments right above it, stands apart from what is above."""
    above = text.split("\n")[:line]
    while above and above[-1].lstrip().startswith("#"):
        above.pop()
    return bool(above) and not above[-1].strip()


def _after_comments(text: str, place: _Place) -> int:
    """The beginning of the first line that does not belong to what ends at the place: comments further right do."""
    if place.end and text[place.end - 1] == "\n":
        at = place.end
    else:
        found = text.find("\n", place.end)
        at = len(text) if found < 0 else found + 1
    end = at
    while at < len(text):
        found = text.find("\n", at)
        following = len(text) if found < 0 else found + 1
        line = text[at:following]
        written = line.strip()
        if written and not (written.startswith("#") and len(line) - len(line.lstrip(" ")) >= place.own):
            break
        at = following
        end = at if written else end
    return end


def _by_ruamel(content: bytes, entries: Entries) -> bytes | None:
    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedMap
    from ruamel.yaml.error import YAMLError

    editor = YAML()
    editor.preserve_quotes = True
    editor.width = 1_000_000
    try:
        document = editor.load(content.decode("utf-8-sig"))
        if document is None:
            document = CommentedMap()
        nodes = document.get("nodes")
        if not nodes:
            nodes = document["nodes"] = CommentedMap()
        for name, fields in entries.items():
            nodes[name] = dict(fields)
        written = io.StringIO()
        editor.dump(document, written)
    except YAMLError:
        return None
    return written.getvalue().encode()
