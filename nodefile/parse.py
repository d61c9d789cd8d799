"""From the text of nodes.yaml to resolved nodes, collecting every mistake on the way."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nodefile import folders, yaml_source
from nodefile.fields import Mistakes, NotText
from nodefile.keys import Inherit
from nodefile.model import is_uuid
from nodefile.names import wrong_name
from nodefile.node import FIELDS, KEYS, REQUIRED, Node
from nodefile.problems import NodeFileError, Position, Problem, did_you_mean, one_line
from nodefile.yaml_source import Document


@dataclass(frozen=True)
class NodeFile:
    """The nodes of one file and where they stand in it."""

    path: Path
    nodes: tuple[Node, ...]
    document: Document

    def locate(self, node: str, field: str | None = None) -> Position:
        """Where a node's field stands: in the node, else in `defaults`, else at the node's name."""
        return _place(self.document, node, field)

    def problem(self, node: str, field: str | None, message: str) -> Problem:
        """A mistake found elsewhere (a cloud's limits), at its place in this file."""
        where = self.locate(node, field)
        return Problem(self.path.name, where.line, where.column, one_line(message))


def load(path: str | Path) -> NodeFile:
    """The nodes of a file. Raises NodeFileError with all of its mistakes."""
    found, problems = parse(path)
    if problems or found is None:
        raise NodeFileError(problems)
    return found


def parse(path: str | Path) -> tuple[NodeFile | None, list[Problem]]:
    """The nodes that could be read, and all mistakes; None when there is no node at all."""
    return _Parser(Path(path)).run()


@dataclass(frozen=True)
class _Entry:
    """The values of an entry that are right, by key, and the keys whose values are wrong."""

    values: dict[str, Any]
    wrong: set[str]


class _Parser:
    def __init__(self, path: Path) -> None:
        self._path, self._folder = path, path.absolute().parent
        self._document = Document()
        self._found: list[tuple[Position, str]] = []
        self._refused: set[tuple[str | int, ...]] = set()

    def run(self) -> tuple[NodeFile | None, list[Problem]]:
        nodes = self._read()
        problems = [
            Problem(self._path.name, where.line, where.column, message)
            for where, message in sorted(dict.fromkeys(self._found), key=lambda item: item[0])
        ]
        return (NodeFile(self._path, tuple(nodes), self._document) if nodes else None), problems

    def _say(self, where: Position, message: str) -> None:
        self._found.append((where, one_line(message)))

    def _refuse(self, path: tuple[str | int, ...], message: str, at_key: bool = False) -> None:
        """Say what is wrong with a value, or with its key."""
        self._refused.add(path)
        self._say(self._document.key(path) if at_key else self._document.where(path), message)

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
        for where, message in self._document.problems:
            self._say(where, message)
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
            self._refuse((key,), f'"{key}" is unknown here; the file has `defaults` and `nodes`.{hint}', at_key=True)
        return self._nodes(root)

    def _nodes(self, root: dict[str, Any]) -> list[Node]:
        defaults = self._entry(("defaults",), root.get("defaults"))
        for name, key in KEYS.items():
            if key.inherit is Inherit.NEVER and name in defaults.values:
                where = self._document.key(("defaults", name))
                self._say(where, f"a {name} belongs to one node: move `{name}` from `defaults` into it.")
        raw = root.get("nodes")
        if not isinstance(raw, dict) or not raw:
            self._refuse(("nodes",), "there is no node. Expected `nodes:` and at least one node under it.")
            self._ambiguous()
            return []
        entries = {name: _merged(self._entry(("nodes", name), entry), defaults) for name, entry in raw.items()}
        self._ambiguous()
        nodes = []
        models: dict[tuple[str, ...], str] = {}
        for name, entry in entries.items():
            self._twice(name, entry, models)
            node = self._node(name, entry)
            nodes += [node] if node else []
        return nodes

    def _entry(self, path: tuple[str, ...], raw: Any) -> _Entry:
        """One entry; what is wrong with it is said."""
        if raw is None:
            return _Entry({}, set())
        if not isinstance(raw, dict):
            self._refuse(path, f"expected keys such as `cloud:` and `source:` under {path[-1]}.")
            return _Entry({}, set(KEYS))
        for name in raw.keys() - KEYS.keys():
            hint = did_you_mean(name, KEYS)
            self._refuse((*path, name), f'"{name}" is not a key of a node.{hint}', at_key=True)
        # Keys whose value failed to parse as YAML still count as present.
        failed = {where for where, _ in self._document.problems}
        entry = _Entry({}, {name for name in KEYS if self._document.values.get((*path, name)) in failed})
        for name, key in KEYS.items():
            if raw.get(name) is None or name in entry.wrong:
                continue
            try:
                entry.values[name] = key.read(raw[name])
            except ValueError as error:
                entry.wrong.add(name)
                self._invalid(path, (name,), error)
        return entry

    def _invalid(self, path: tuple[str, ...], place: tuple[str | int, ...], error: ValueError) -> None:
        """Say what is wrong with a value, or with each of its parts."""
        here = (*path, *place)
        if isinstance(error, Mistakes):
            for mistake in error.found:
                if mistake.at_key and isinstance(mistake.key, str):
                    self._refuse((*here, mistake.key), f"{_dotted(place)}: {mistake.error}", at_key=True)
                else:
                    self._invalid(path, (*place, mistake.key), mistake.error)
            return
        if any(where == self._document.where(here) for where, _ in self._document.problems):
            return
        message = str(error)
        if isinstance(error, NotText):
            written = self._document.written.get(here, "")
            message = f'expected a text, got {written}. Write it in quotes: "{written}".'
        self._refuse(here, f"{_dotted(place)}: {message}")

    def _ambiguous(self) -> None:
        """Texts that other YAML parsers do not read as text, unless they are in something that was refused."""
        for place in self._document.ambiguous:
            if self._refused.isdisjoint(place[: end + 1] for end in range(len(place))):
                inside = place[1:] if place[0] == "defaults" else place[2:]
                value = self._value(place)
                self._say(
                    self._document.where(place),
                    f'{_dotted(inside)}: some YAML parsers do not read {value} as a string. Quote it: "{value}".',
                )

    def _value(self, place: tuple[str | int, ...]) -> Any:
        value = self._document.value
        for step in place:
            value = value[step]
        return value

    def _node(self, name: str, entry: _Entry) -> Node | None:
        where = self._document.key(("nodes", name))
        misnamed = wrong_name(name)
        if misnamed:
            self._say(where, misnamed)
        missing = [key for key in REQUIRED if key not in entry.values]
        for key in missing:
            if key not in entry.wrong:
                self._say(where, f"node {name} has no `{key}`.")
        found = None if entry.wrong & {"source", "context"} else self._folders(name, entry.values)
        if misnamed or missing or found is None:
            return None
        values = {**entry.values, "source": found[0], "context": found[1]}
        return Node(name=name, **{FIELDS[key]: value for key, value in values.items()})

    def _folders(self, name: str, values: dict[str, Any]) -> tuple[Path, Path] | None:
        if "source" not in values:
            return None
        try:
            return folders.resolve(self._folder, values["source"], values.get("context"))
        except folders.WrongFolder as error:
            self._say(_place(self._document, name, error.key), f"{error.key}: {error}")
            return None

    def _twice(self, name: str, entry: _Entry, models: dict[tuple[str, ...], str]) -> None:
        """Two nodes for one model, also when there is more to say about either of them."""
        model = entry.values.get("model")
        if model is None or (not is_uuid(model) and entry.wrong & {"tournament", "account"}):
            return
        tournament = entry.values.get("tournament", Node.model_fields["tournament"].default)
        identity = (model,) if is_uuid(model) else (model, tournament, entry.values.get("account", ""))
        if first := models.get(identity):
            self._say(
                _place(self._document, name, "model"),
                f"model: node {first} already runs this model; Numerai calls one webhook for each model.",
            )
        models.setdefault(identity, name)


def _merged(own: _Entry, defaults: _Entry) -> _Entry:
    """A node's values over the defaults. A wrong value is not replaced by the default, or more would be said about a
    value that nobody wrote."""
    wrong = own.wrong | {name for name in defaults.wrong if name not in own.values}
    values = {name: value for name, value in {**defaults.values, **own.values}.items() if name not in wrong}
    for name, key in KEYS.items():
        if key.inherit is Inherit.MERGE:
            values[name] = {**defaults.values.get(name, {}), **own.values.get(name, {})}
    return _Entry(values, wrong)


def _place(document: Document, node: str, key: str | None) -> Position:
    """Where a node's key has its value: in the node, else in `defaults`, else where the node's name is."""
    for path in (("nodes", node, key), ("defaults", key)) if key else ():
        if path in document.values:
            return document.values[path]
    return document.key(("nodes", node))


def _dotted(place: tuple[str | int, ...]) -> str:
    return ".".join(map(str, place))
