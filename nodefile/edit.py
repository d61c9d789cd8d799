"""Adds nodes to the text of nodes.yaml. Only lines are added; comments, order, quotes, indentation and line endings of
the rest stay byte for byte.

The positions of YAML's events tell where the lines go. The result is read back and must contain exactly the old values
and the new nodes. If lines cannot be added (`nodes: {}`, a file in flow style), ruamel.yaml writes the file: comments
and order are kept, but long lines may be wrapped differently. That result is read back and compared too.
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
    """The nodes cannot be added automatically; `lines` are the lines to add by hand."""

    def __init__(self, lines: str) -> None:
        super().__init__("the nodes cannot be added without changing other parts of the file")
        self.lines = lines


def add_nodes(content: bytes, entries: Entries) -> bytes:
    """Return the file's content with these nodes at the end of `nodes`.

    Raises CannotEdit, also if the content is not a nodes.yaml.
    """
    before = yaml_source.read(content)
    root = {} if before.value is None else before.value
    if not before.problems and isinstance(root, dict) and isinstance(root.get("nodes") or {}, dict):
        for edit in (_insert_lines, _edit_with_ruamel):
            after = edit(content, entries)
            if after is not None and _has_only_added(after, root, entries):
                return after
    raise CannotEdit("".join(_format_lines(entries, 2, 2, False)))


def quote_if_needed(text: str, inside: bool = False) -> str:
    """Return a string as a YAML value: plain if every YAML parser reads it as that string, else in quotes.

    Set `inside` for a value inside brackets or braces.
    """
    parsed = yaml_source.read((f"x: [{text}]\n" if inside else f"x: {text}\n").encode())
    wanted = {"x": [text] if inside else text}
    if not parsed.problems and not parsed.ambiguous and parsed.value == wanted and text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else f"\\U{ord(char):08x}" for char in json.dumps(text, ensure_ascii=False)
    )


def _format_value(value: Value, inside: bool = False) -> str:
    """Return a value as YAML in one line."""
    if isinstance(value, str):
        return quote_if_needed(value, inside)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_format_value(part, True)}" for key, part in value.items()) + "}"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if float(f"{value:g}") == value else repr(value)


def _has_only_added(after: bytes, old: dict[str, Any], entries: Entries) -> bool:
    """Whether a file has its old values in the same order, and the new nodes at the end."""
    parsed = yaml_source.read(after)
    wanted = {**old, "nodes": {**(old.get("nodes") or {}), **{name: dict(fields) for name, fields in entries.items()}}}
    if parsed.problems or parsed.value != wanted:
        return False
    return list(parsed.value) == list(wanted) and list(parsed.value["nodes"]) == list(wanted["nodes"])


@dataclass(frozen=True)
class _Place:
    """Where lines are added: after index `end` of the text and the comments that follow it in column `own` or further
    right. Node names go into `column` and their fields `step` columns further right. `apart`: empty lines separate the
    nodes. `head`: `nodes:` itself is missing."""

    end: int
    own: int
    column: int
    step: int = 2
    apart: bool = False
    head: bool = False


def _insert_lines(content: bytes, entries: Entries) -> bytes | None:
    text = content.decode("utf-8")
    place = _find_place(text)
    if place is None:
        return None
    at = _skip_comments(text, place)
    before, after = text[:at], text[at:]
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = _format_lines(entries, place.column, place.step, place.apart)
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


def _format_lines(entries: Entries, column: int, step: int, apart: bool) -> list[str]:
    lines: list[str] = []
    for name, fields in entries.items():
        if apart and lines:
            lines.append("\n")
        lines.append(f"{' ' * column}{quote_if_needed(name)}:\n")
        lines += [f"{' ' * (column + step)}{key}: {_format_value(value)}\n" for key, value in fields.items()]
    return lines


def _find_place(text: str) -> _Place | None:
    """Find the place after the last node, after `nodes:`, or at the end of the file; None if lines cannot be added."""
    roots = _split_values(event for event in yaml.parse(text, Loader=yaml.SafeLoader) if isinstance(event, _CONTENT))
    if not roots or isinstance(roots[0][0], ScalarEvent):  # nothing but comments
        return _Place(len(text), 1, 2, head=True)
    root = roots[0]
    if not isinstance(root[0], MappingStartEvent) or root[0].flow_style:
        return None
    column = _mark(root[0].start_mark).column
    parts = _split_values(root[1:-1])
    for key, value in zip(parts[::2], parts[1::2], strict=True):
        if isinstance(key[0], ScalarEvent) and key[0].value == "nodes":
            return _find_place_in(text, value, column)
    return _Place(_find_end(root), column + 1, column + 2, head=True)


def _find_place_in(text: str, nodes: list[Event], column: int) -> _Place | None:
    """Find the place in the value of `nodes`, whose key is in this column."""
    first = nodes[0]
    if isinstance(first, ScalarEvent):
        return _Place(_mark(first.end_mark).index, column + 1, column + 2)
    if not isinstance(first, MappingStartEvent) or first.flow_style:
        return None
    indent = _mark(first.start_mark).column
    parts = _split_values(nodes[1:-1])
    blocks = [value[0] for value in parts[1::2] if isinstance(value[0], MappingStartEvent) and not value[0].flow_style]
    step = _mark(blocks[-1].start_mark).column - indent if blocks else 2
    apart = len(parts) == 2 or _has_empty_line_above(text, _mark(parts[-2][0].start_mark).line)
    return _Place(_find_end(nodes), indent + 1, indent, step, apart)


def _mark(mark: Any) -> yaml.Mark:
    """Return a position, which every event of a parsed text has."""
    assert mark is not None
    return mark  # type: ignore[no-any-return]


_CONTENT = (ScalarEvent, AliasEvent, CollectionStartEvent, CollectionEndEvent)


def _split_values(events: Iterable[Event]) -> list[list[Event]]:
    """Group the events by value; a mapping's keys are values too."""
    values: list[list[Event]] = []
    depth = 0
    for event in events:
        if depth == 0:
            values.append([])
        values[-1].append(event)
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
    return values


def _find_end(events: Iterable[Event]) -> int:
    """Return the index at which these values end.

    The end event of a collection in block style is no use: its mark is at the next value.
    """
    flow: list[bool] = []
    end = 0
    for event in events:
        if isinstance(event, CollectionStartEvent):
            flow.append(bool(event.flow_style))
        elif not isinstance(event, CollectionEndEvent) or flow.pop():
            end = _mark(event.end_mark).index
    return end


def _has_empty_line_above(text: str, line: int) -> bool:
    """Whether there is an empty line above a node and the comments directly above it."""
    above = text.split("\n")[:line]
    while above and above[-1].lstrip().startswith("#"):
        above.pop()
    return bool(above) and not above[-1].strip()


def _skip_comments(text: str, place: _Place) -> int:
    """Return the index of the first line after the place and the indented comments that belong to it."""
    if place.end and text[place.end - 1] == "\n":
        at = place.end
    else:
        newline = text.find("\n", place.end)
        at = len(text) if newline < 0 else newline + 1
    end = at
    while at < len(text):
        newline = text.find("\n", at)
        following = len(text) if newline < 0 else newline + 1
        line = text[at:following]
        written = line.strip()
        if written and not (written.startswith("#") and len(line) - len(line.lstrip(" ")) >= place.own):
            break
        at = following
        end = at if written else end
    return end


def _edit_with_ruamel(content: bytes, entries: Entries) -> bytes | None:
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
