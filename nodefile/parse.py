"""From the text of nodes.yaml to resolved nodes, collecting every mistake on the way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from nodefile import model, sizes, yaml_source
from nodefile.model import Entry, Node, Size, Tournament
from nodefile.problems import NodeFileError, Position, Problem, did_you_mean
from nodefile.yaml_source import Document

DEFAULT_TIMEOUT = 3600
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TEXTS = ("model", "region", "source", "context", "command", "schedule", "timeout", "disk", "env", "tags", "size")


@dataclass(frozen=True)
class NodeFile:
    """The nodes of one file and where they stand in it."""

    path: Path
    nodes: tuple[Node, ...]
    document: Document

    def locate(self, node: str, field: str | None = None) -> Position:
        """Where a node's field stands: in the node, else in `defaults`, else at the node's name."""
        if field is not None:
            for path in (("nodes", node, field), ("defaults", field)):
                if path in self.document.values:
                    return self.document.values[path]
        return self.document.key(("nodes", node))

    def problem(self, node: str, field: str | None, message: str) -> Problem:
        """A mistake found elsewhere (a cloud's limits), at its place in this file."""
        where = self.locate(node, field)
        return Problem(self.path.name, where.line, where.column, message)


def load(path: str | Path) -> NodeFile:
    """The nodes of a file. Raises NodeFileError with all of its mistakes."""
    found, problems = parse(path)
    if problems or found is None:
        raise NodeFileError(problems)
    return found


def parse(path: str | Path) -> tuple[NodeFile | None, list[Problem]]:
    """The nodes that could be read, and all mistakes; None when there is no node at all."""
    return _Parser(Path(path)).run()


class _Parser:
    def __init__(self, path: Path) -> None:
        self._path, self._folder = path, path.absolute().parent
        self._document = Document()
        self._found: list[tuple[Position, str]] = []

    def run(self) -> tuple[NodeFile | None, list[Problem]]:
        nodes = self._read()
        problems = [
            Problem(self._path.name, where.line, where.column, message)
            for where, message in sorted(dict.fromkeys(self._found), key=lambda item: item[0])
        ]
        return (NodeFile(self._path, tuple(nodes), self._document) if nodes else None), problems

    def _say(self, where: Position, message: str) -> None:
        self._found.append((where, message))

    def _read(self) -> list[Node]:
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            self._say(
                Position(1, 1), f"there is no such file in {self._folder.name}/. Expected nodes.yaml with `nodes:`."
            )
            return []
        except OSError as error:
            self._say(Position(1, 1), f"the file cannot be read: {error.strerror}.")
            return []
        self._document = yaml_source.read(content)
        self._found += self._document.problems
        root = self._document.value
        if root is None:
            if not self._found:
                self._say(Position(1, 1), "the file is empty. Expected `nodes:` and at least one node.")
            return []
        if not isinstance(root, dict):
            self._say(Position(1, 1), "expected `nodes:` with a node under it, got a list or a single value.")
            return []
        for key in root.keys() - {"nodes", "defaults"}:
            hint = did_you_mean(key, ("nodes", "defaults"))
            self._say(
                self._document.key((key,)), f'"{key}" is unknown here; the file has `defaults` and `nodes`.{hint}'
            )
        return self._nodes(root)

    def _nodes(self, root: dict[str, Any]) -> list[Node]:
        defaults = self._entry(("defaults",), root.get("defaults"))
        if defaults.model is not None:
            where = self._document.key(("defaults", "model"))
            self._say(where, "a model belongs to one node: move `model` from `defaults` into it.")
        entries = root.get("nodes")
        if not isinstance(entries, dict) or not entries:
            where = self._document.where(("nodes",))
            self._say(where, "there is no node. Expected `nodes:` and at least one node under it.")
            return []
        nodes = [
            node
            for name, raw in entries.items()
            if (node := self._node(name, self._entry(("nodes", name), raw), defaults)) is not None
        ]
        self._twice(nodes)
        return nodes

    def _entry(self, path: tuple[str, ...], raw: Any) -> Entry:
        """One entry, with the fields that are right; the others are said."""
        if raw is None:
            return Entry()
        if not isinstance(raw, dict):
            self._say(self._document.where(path), f"expected keys such as `cloud:` and `source:` under {path[-1]}.")
            return Entry()
        self._ambiguous(path)
        self._names(path, raw)
        known = {key: value for key, value in raw.items() if key in Entry.model_fields}
        for key in raw.keys() - known.keys():
            hint = did_you_mean(key, Entry.model_fields)
            self._say(self._document.key((*path, key)), f'"{key}" is not a key of a node.{hint}')
        while True:
            try:
                return Entry.model_validate({key: value for key, value in known.items() if value is not None})
            except ValidationError as error:
                for item in error.errors():
                    known.pop(str(item["loc"][0]), None)
                    self._invalid(path, item)

    def _invalid(self, path: tuple[str, ...], item: Any) -> None:
        location = tuple(step for step in item["loc"] if isinstance(step, str | int))
        keys = [step for step in location if (*path, step) in self._document.values or step == location[0]]
        place = (*path, *keys)
        for length in range(len(location), 0, -1):
            if (*path, *location[:length]) in self._document.values:
                place = (*path, *location[:length])
                break
        message = item["msg"].removeprefix("Value error, ")
        self._say(self._document.where(place), f"{'.'.join(map(str, place[len(path) :]))}: {message}")

    def _ambiguous(self, path: tuple[str, ...]) -> None:
        for place in self._document.ambiguous:
            if place[: len(path)] == path and len(place) > len(path) and place[len(path)] in _TEXTS:
                value = self._value(place)
                self._say(
                    self._document.where(place),
                    f"{'.'.join(map(str, place[len(path) :]))}: some YAML readers take {value} for something else than "
                    f'text. Write it in quotes: "{value}".',
                )

    def _value(self, place: tuple[str | int, ...]) -> Any:
        value = self._document.value
        for step in place:
            value = value[step]
        return value

    def _names(self, path: tuple[str, ...], raw: dict[str, Any]) -> None:
        env = raw.get("env")
        for name in env if isinstance(env, dict) else ():
            where = self._document.key((*path, "env", name))
            if not _ENV_NAME.fullmatch(name):
                self._say(
                    where, f'env: "{name}" cannot be a variable; expected letters, digits and _, such as MY_NAME.'
                )
            elif name in model.RESERVED_ENV or name.startswith("NUMERAI_"):
                self._say(where, f"env: {name} is set for every node by itself; choose another name.")

    def _node(self, name: str, entry: Entry, defaults: Entry) -> Node | None:
        where = self._document.key(("nodes", name))
        before = len(self._found)
        self._check_name(name, where)
        merged = {key: getattr(entry, key) for key in Entry.model_fields}
        for key in merged:
            if merged[key] is None:
                merged[key] = getattr(defaults, key)
        for key in ("env", "tags"):
            merged[key] = {**(getattr(defaults, key) or {}), **(getattr(entry, key) or {})}
        raw = (self._document.value["nodes"].get(name) or {}) if isinstance(self._document.value, dict) else {}
        for key in ("model", "cloud", "source"):
            if merged[key] is None and (not isinstance(raw, dict) or raw.get(key) is None):
                self._say(where, f"node {name} has no `{key}`.")
        folders = self._folders(name, merged)
        if len(self._found) > before or folders is None or None in (merged["model"], merged["cloud"]):
            return None
        cpu_units, memory = sizes.PRESETS[sizes.DEFAULT]
        return Node(
            name=name,
            model=merged["model"],
            tournament=merged["tournament"] or Tournament.CLASSIC,
            cloud=merged["cloud"],
            region=merged["region"] or model.REGIONS[merged["cloud"]],
            size=merged["size"] or Size(preset=sizes.DEFAULT, cpu=cpu_units / 1024, memory=memory),
            source=folders[0],
            context=folders[1],
            timeout=merged["timeout"] or DEFAULT_TIMEOUT,
            disk=merged["disk"],
            schedule=merged["schedule"],
            env=merged["env"],
            command=merged["command"],
            tags=merged["tags"],
            enabled=True if merged["enabled"] is None else merged["enabled"],
        )

    def _check_name(self, name: str, where: Position) -> None:
        if not re.fullmatch(model.NODE_NAME, name) or "--" in name:
            self._say(
                where,
                f'"{name}" cannot be a node\'s name on all clouds; expected lower-case letters, digits and single '
                "hyphens, beginning with a letter.",
            )
        elif not 2 <= len(name) <= model.MAX_NAME:
            self._say(where, f'"{name}" has {len(name)} characters; a node\'s name has 2 to {model.MAX_NAME}.')

    def _folders(self, name: str, merged: dict[str, Any]) -> tuple[Path, Path] | None:
        if merged["source"] is None:
            return None
        source = (self._folder / merged["source"]).resolve()
        context = (self._folder / merged["context"]).resolve() if merged["context"] else source
        for key, folder in (("source", source), ("context", context)):
            if merged[key] is not None and not folder.is_dir():
                near = did_you_mean(folder.name, self._siblings(folder))
                self._say(self._place(name, key), f"{key}: there is no folder {merged[key]}.{near}")
                return None
        if not source.is_relative_to(context):
            self._say(
                self._place(name, "context"),
                f"context: {merged['source']} is not inside of {merged['context']}; a Dockerfile lies in its context.",
            )
            return None
        if not (source / "Dockerfile").is_file():
            self._say(self._place(name, "source"), f"source: {merged['source']} holds no Dockerfile.")
            return None
        return source, context

    @staticmethod
    def _siblings(folder: Path) -> list[str]:
        return [entry.name for entry in folder.parent.iterdir() if entry.is_dir()] if folder.parent.is_dir() else []

    def _place(self, name: str, key: str) -> Position:
        for path in (("nodes", name, key), ("defaults", key)):
            if path in self._document.values:
                return self._document.values[path]
        return self._document.key(("nodes", name))

    def _twice(self, nodes: list[Node]) -> None:
        for first, second in _same_model(nodes):
            self._say(
                self._place(second.name, "model"),
                f"model: node {first.name} already runs this model; Numerai calls one webhook for each model.",
            )


def _same_model(nodes: list[Node]) -> Iterator[tuple[Node, Node]]:
    seen: dict[str, Node] = {}
    for node in nodes:
        key = node.model.lower() if node.model_is_id else f"{node.tournament}/{node.model}"
        if key in seen:
            yield seen[key], node
        seen.setdefault(key, node)
