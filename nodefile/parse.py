"""From the text of nodes.yaml to resolved nodes, collecting every mistake on the way."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from nodefile import folders, model, sizes, yaml_source
from nodefile.clouds import REGIONS
from nodefile.entry import KEYS, Entry
from nodefile.fields import Mistakes, NotText
from nodefile.model import Build, Node, Size, Tournament
from nodefile.names import wrong_name
from nodefile.problems import NodeFileError, Position, Problem, did_you_mean, one_line
from nodefile.yaml_source import Document

DEFAULT_TIMEOUT = 3600
_TEXTS = ("model", "region", "source", "context", "command", "schedule", "timeout", "disk", "env", "tags")


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
class _Read:
    """The fields of an entry that are right, and the names of those that are there but wrong."""

    entry: Entry
    wrong: frozenset[str]


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
        self._found.append((where, one_line(message)))

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
            self._say(
                self._document.key((key,)), f'"{key}" is unknown here; the file has `defaults` and `nodes`.{hint}'
            )
        return self._nodes(root)

    def _nodes(self, root: dict[str, Any]) -> list[Node]:
        defaults = self._entry(("defaults",), root.get("defaults"))
        if defaults.entry.model is not None:
            where = self._document.key(("defaults", "model"))
            self._say(where, "a model belongs to one node: move `model` from `defaults` into it.")
        entries = root.get("nodes")
        if not isinstance(entries, dict) or not entries:
            where = self._document.where(("nodes",))
            self._say(where, "there is no node. Expected `nodes:` and at least one node under it.")
            return []
        nodes = []
        models: dict[str, str] = {}
        for name, raw in entries.items():
            merged, wrong = self._merged(self._entry(("nodes", name), raw), defaults)
            self._twice(name, merged, wrong, models)
            node = self._node(name, merged, wrong)
            nodes += [node] if node else []
        return nodes

    def _entry(self, path: tuple[str, ...], raw: Any) -> _Read:
        """One entry, with the fields that are right; the others are said."""
        if raw is None:
            return _Read(Entry(), frozenset())
        if not isinstance(raw, dict):
            self._say(self._document.where(path), f"expected keys such as `cloud:` and `source:` under {path[-1]}.")
            return _Read(Entry(), frozenset(KEYS))
        known = {key: value for key, value in raw.items() if key in KEYS and value is not None}
        for key in raw.keys() - KEYS.keys():
            hint = did_you_mean(key, KEYS)
            self._say(self._document.key((*path, key)), f'"{key}" is not a key of a node.{hint}')
        # What YAML's reader has refused is there, although nothing could be made of it.
        refused = {where for where, _ in self._document.problems}
        wrong = {key for key in KEYS if self._document.values.get((*path, key)) in refused}
        while True:
            try:
                entry = Entry.model_validate({key: known[key] for key in known.keys() - wrong})
            except ValidationError as error:
                for item in error.errors():
                    key = str(item["loc"][0])
                    wrong.add(key)
                    self._invalid(path, (key,), item.get("ctx", {}).get("error") or ValueError(item["msg"]))
            else:
                self._ambiguous(path)
                return _Read(entry, frozenset(wrong))

    def _invalid(self, path: tuple[str, ...], place: tuple[str | int, ...], error: ValueError) -> None:
        """Say what is wrong with a value, or with each of its parts."""
        here = (*path, *place)
        if isinstance(error, Mistakes):
            for mistake in error.found:
                if mistake.at_key and isinstance(mistake.key, str):
                    self._say(self._document.key((*here, mistake.key)), f"{_dotted(place)}: {mistake.error}")
                else:
                    self._invalid(path, (*place, mistake.key), mistake.error)
            return
        if any(where == self._document.where(here) for where, _ in self._document.problems):
            return
        message = str(error)
        if isinstance(error, NotText):
            written = self._document.written.get(here, "")
            message = f'expected a text, got {written}. Write it in quotes: "{written}".'
        self._say(self._document.where(here), f"{_dotted(place)}: {message}")

    def _ambiguous(self, path: tuple[str, ...]) -> None:
        """Texts that other YAML readers take for something else, but for those of which more is said already."""
        said = {where for where, _ in self._found}
        for place in self._document.ambiguous:
            where, inside = self._document.where(place), place[len(path) :]
            if place[: len(path)] == path and inside and inside[0] in _TEXTS and where not in said:
                value = self._value(place)
                self._say(
                    where,
                    f"{_dotted(inside)}: some YAML readers take {value} for something else than text. "
                    f'Write it in quotes: "{value}".',
                )

    def _value(self, place: tuple[str | int, ...]) -> Any:
        value = self._document.value
        for step in place:
            value = value[step]
        return value

    @staticmethod
    def _merged(read: _Read, defaults: _Read) -> tuple[dict[str, Any], set[str]]:
        """A node's fields over the defaults. Where a field is wrong nothing is taken instead, so that nothing else is
        said about a value that nobody wrote."""
        merged: dict[str, Any] = {}
        wrong: set[str] = set(read.wrong)
        for key, name in KEYS.items():
            own, shared = getattr(read.entry, name), getattr(defaults.entry, name)
            if own is None and key in defaults.wrong:
                wrong.add(key)
            merged[key] = None if key in wrong else shared if own is None else own
            if key in ("env", "tags"):
                merged[key] = {**(shared or {}), **(own or {})}
        return merged, wrong

    def _node(self, name: str, merged: dict[str, Any], wrong: set[str]) -> Node | None:
        where = self._document.key(("nodes", name))
        misnamed = wrong_name(name)
        if misnamed:
            self._say(where, misnamed)
        for key in ("model", "cloud", "source"):
            if merged[key] is None and key not in wrong:
                self._say(where, f"node {name} has no `{key}`.")
        places = None if wrong & {"source", "context"} else self._folders(name, merged["source"], merged["context"])
        if misnamed or places is None or None in (merged["model"], merged["cloud"]):
            return None
        cpu_units, memory = sizes.PRESETS[sizes.DEFAULT]
        return Node(
            name=name,
            model=merged["model"],
            tournament=merged["tournament"] or Tournament.CLASSIC,
            cloud=merged["cloud"],
            region=merged["region"] or REGIONS[merged["cloud"]],
            size=merged["size"] or Size(preset=sizes.DEFAULT, cpu=cpu_units / 1024, memory=memory),
            source=places[0],
            context=places[1],
            build=merged["build"] or Build(),
            timeout=merged["timeout"] or DEFAULT_TIMEOUT,
            disk=merged["disk"],
            schedule=merged["schedule"],
            env=merged["env"],
            command=merged["command"],
            tags=merged["tags"],
            enabled=True if merged["enabled"] is None else merged["enabled"],
            register_webhook=True if merged["register"] is None else merged["register"],
            account=merged["account"],
        )

    def _folders(self, name: str, source: str | None, context: str | None) -> tuple[Path, Path] | None:
        if source is None:
            return None
        try:
            return folders.resolve(self._folder, source, context)
        except folders.WrongFolder as error:
            self._say(self._place(name, error.key), f"{error.key}: {error}")
            return None

    def _place(self, name: str, key: str) -> Position:
        for path in (("nodes", name, key), ("defaults", key)):
            if path in self._document.values:
                return self._document.values[path]
        return self._document.key(("nodes", name))

    def _twice(self, name: str, merged: dict[str, Any], wrong: set[str], models: dict[str, str]) -> None:
        """Two nodes for one model, also when there is more to say about either of them."""
        known = merged["model"]
        if known is None or (not model.is_uuid(known) and wrong & {"tournament", "account"}):
            return
        kind = merged["tournament"] or Tournament.CLASSIC
        key = known if model.is_uuid(known) else f"{merged['account']}/{kind}/{known}"
        if first := models.get(key):
            self._say(
                self._place(name, "model"),
                f"model: node {first} already runs this model; Numerai calls one webhook for each model.",
            )
        models.setdefault(key, name)


def _dotted(place: tuple[str | int, ...]) -> str:
    return ".".join(map(str, place))
