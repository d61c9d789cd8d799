"""Turns the text of nodes.yaml into resolved nodes and collects every mistake on the way."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nodefile import folders, pickle_source, yaml_source
from nodefile.keys import Inherit
from nodefile.mistakes import Mistakes, NotText
from nodefile.model import is_uuid
from nodefile.names import check_name
from nodefile.node import FIELDS, KEYS, REQUIRED, Node
from nodefile.node_file import NodeFile, locate
from nodefile.own_rights import check_cloud, check_defaults, select_rights
from nodefile.own_secrets import check_names
from nodefile.problems import NodeFileError, Position, Problem, did_you_mean, escape_unprintable, join_words
from nodefile.rescue import check_rescue
from nodefile.stacks import Stacks
from nodefile.yaml_source import Document

_TOP = ("defaults", "nodes", "stacks")


def load(path: str | Path) -> NodeFile:
    """Return the nodes of a file. Raises NodeFileError with all of its mistakes."""
    node_file, problems = parse(path)
    if problems or node_file is None:
        raise NodeFileError(problems)
    return node_file


def parse(path: str | Path) -> tuple[NodeFile | None, list[Problem]]:
    """Return the nodes that could be parsed (None if there are none) and all mistakes."""
    return _Parser(Path(path)).run()


@dataclass(frozen=True)
class _Entry:
    """The valid values of an entry by key, and the keys whose values are wrong."""

    values: dict[str, Any]
    wrong: set[str]


class _Parser:
    def __init__(self, path: Path) -> None:
        self._path, self._folder = path, path.absolute().parent
        self._document = Document()
        self._mistakes: list[tuple[Position, str]] = []
        self._rejected: set[tuple[str | int, ...]] = set()

    def run(self) -> tuple[NodeFile | None, list[Problem]]:
        nodes = self._read()
        stacks, owners = self._read_stacks(nodes)
        problems = [
            Problem(self._path.name, position.line, position.column, message)
            for position, message in sorted(dict.fromkeys(self._mistakes), key=lambda item: item[0])
        ]
        return (NodeFile(self._path, tuple(nodes), self._document, stacks, owners) if nodes else None), problems

    def _report(self, position: Position, message: str) -> None:
        self._mistakes.append((position, escape_unprintable(message)))

    def _reject(self, path: tuple[str | int, ...], message: str, at_key: bool = False) -> None:
        """Report a mistake in a value, or in its key."""
        self._rejected.add(path)
        self._report(self._document.locate_key(path) if at_key else self._document.locate(path), message)

    def _read(self) -> list[Node]:
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            self._report(
                Position(1, 1), f"there is no such file in {self._folder.name}/. Expected nodes.yaml with `nodes:`."
            )
            return []
        except OSError as error:
            self._report(Position(1, 1), f"the file cannot be read: {error.strerror}.")
            return []
        self._document = yaml_source.read(content)
        for position, message in self._document.problems:
            self._report(position, message)
        root = self._document.value
        if root is None:
            if not self._mistakes:
                self._report(Position(1, 1), "the file is empty. Expected `nodes:` with at least one node.")
            return []
        if not isinstance(root, dict):
            self._report(Position(1, 1), "expected `nodes:` with a node under it, got a list or a single value.")
            return []
        for key in root.keys() - set(_TOP):
            hint = did_you_mean(key, _TOP)
            message = f'"{key}" is not a top-level key; expected {join_words([f"`{name}`" for name in _TOP])}.{hint}'
            self._reject((key,), message, at_key=True)
        return self._read_nodes(root)

    def _read_stacks(self, nodes: list[Node]) -> tuple[tuple[str, ...], dict[str, str]]:
        """Return the stacks and each node's stack, and report mistakes."""
        root = self._document.value
        if not isinstance(root, dict) or root.get("stacks") is None:
            return (), {}
        stacks = Stacks(root["stacks"])
        entries = root.get("nodes")
        for path, message in (
            *stacks.mistakes,
            *stacks.check_names(list(entries) if isinstance(entries, dict) else []),
        ):
            self._report(self._document.locate(path), f"{_join(path)}: {message}")
        owners = {}
        for node in nodes:
            stack = stacks.find_stack(node)
            if stack:
                owners[node.name] = stack
            elif not stacks.mistakes:
                position = self._document.locate_key(("nodes", node.name))
                self._report(position, f"node {node.name} belongs to none of the stacks under `stacks`.")
        return stacks.names, owners

    def _read_nodes(self, root: dict[str, Any]) -> list[Node]:
        defaults = self._read_entry(("defaults",), root.get("defaults"))
        for name, key in KEYS.items():
            if key.inherit is Inherit.NEVER and name in defaults.values:
                position = self._document.locate_key(("defaults", name))
                self._report(position, f"each node has its own {name}: move `{name}` from `defaults` to the node.")
        raw = root.get("nodes")
        if not isinstance(raw, dict) or not raw:
            self._reject(("nodes",), "there are no nodes. Expected `nodes:` with at least one node under it.")
            self._report_ambiguous()
            return []
        entries = {name: _merge(self._read_entry(("nodes", name), entry), defaults) for name, entry in raw.items()}
        self._report_ambiguous()
        nodes = []
        models: dict[tuple[str, ...], str] = {}
        for name, entry in entries.items():
            self._check_model(name, entry, models)
            node = self._make_node(name, entry)
            nodes += [node] if node else []
            for place, message in (*check_names(entry.values), *check_cloud(entry.values, raw[name])):
                self._report(locate(self._document, name, place), f"{place}: {message}")
        for place, message in check_defaults(defaults.values, [entry.values for entry in entries.values()]):
            self._report(self._document.locate_key(("defaults", place)), f"{place}: {message}")
        for node in nodes:
            for message in check_rescue(node, raw):
                self._report(locate(self._document, node.name, "rescue"), f"rescue: {message}")
        return nodes

    def _read_entry(self, path: tuple[str, ...], raw: Any) -> _Entry:
        """Read an entry and report its mistakes."""
        if raw is None:
            return _Entry({}, set())
        if not isinstance(raw, dict):
            self._reject(path, f"expected keys such as `cloud:` and `source:` under {path[-1]}.")
            return _Entry({}, set(KEYS))
        for name in raw.keys() - KEYS.keys():
            hint = did_you_mean(name, KEYS)
            self._reject((*path, name), f'"{name}" is not a key of a node.{hint}', at_key=True)
        # Keys whose value failed to parse as YAML still count as present.
        failed = {position for position, _ in self._document.problems}
        entry = _Entry({}, {name for name in KEYS if self._document.values.get((*path, name)) in failed})
        for name, key in KEYS.items():
            if raw.get(name) is None or name in entry.wrong:
                continue
            try:
                entry.values[name] = key.read(raw[name])
            except ValueError as error:
                entry.wrong.add(name)
                self._report_value(path, (name,), error)
        return entry

    def _report_value(self, path: tuple[str, ...], place: tuple[str | int, ...], error: ValueError) -> None:
        """Report the mistake in a value, or in each of its parts."""
        full_path = (*path, *place)
        if isinstance(error, Mistakes):
            for mistake in error.mistakes:
                if mistake.at_key and isinstance(mistake.key, str):
                    self._reject((*full_path, mistake.key), f"{_join(place)}: {mistake.error}", at_key=True)
                else:
                    self._report_value(path, (*place, mistake.key), mistake.error)
            return
        if any(position == self._document.locate(full_path) for position, _ in self._document.problems):
            return
        message = str(error)
        if isinstance(error, NotText):
            spelling = self._document.spellings.get(full_path, "")
            message = f'expected a string, got {spelling}. Quote it: "{spelling}".'
        self._reject(full_path, f"{_join(place)}: {message}")

    def _report_ambiguous(self) -> None:
        """Report strings that other YAML parsers do not read as strings, except in values that were rejected."""
        for place in self._document.ambiguous:
            if self._rejected.isdisjoint(place[: end + 1] for end in range(len(place))):
                inside = place[1:] if place[0] == "defaults" else place[2:]
                value = self._find_value(place)
                self._report(
                    self._document.locate(place),
                    f'{_join(inside)}: some YAML parsers do not read {value} as a string. Quote it: "{value}".',
                )

    def _find_value(self, place: tuple[str | int, ...]) -> Any:
        value = self._document.value
        for step in place:
            value = value[step]
        return value

    def _make_node(self, name: str, entry: _Entry) -> Node | None:
        position = self._document.locate_key(("nodes", name))
        misnamed = check_name(name)
        if misnamed:
            self._report(position, misnamed)
        has_pickle = "pickle" in entry.values or "pickle" in entry.wrong
        missing = [key for key in REQUIRED if key not in entry.values]
        for key in missing:
            if key not in entry.wrong and not (key == "source" and has_pickle):
                self._report(position, f"node {name} has no `{key}`.")
        unknown = entry.wrong & {"source", "context", "pickle", "python", "tournament"}
        resolved = None if unknown else self._resolve_source(name, entry.values)
        if misnamed or "cloud" not in entry.values:
            return None
        # A node with mistakes is never deployed, but its cloud's limits are checked in the same pass.
        resolved = resolved or {"source": self._folder, "context": self._folder, "pickle": None}
        values = {"model": "", **select_rights(entry.values), **resolved}
        return Node(name=name, **{FIELDS[key]: value for key, value in values.items()})

    def _resolve_source(self, name: str, values: dict[str, Any]) -> dict[str, Any] | None:
        try:
            if "pickle" in values:
                return pickle_source.resolve(self._folder, name, values)
            pickle_source.check_folder_keys(values)
            if "source" not in values:
                return None
            source, context = folders.resolve(self._folder, values["source"], values.get("context"))
            return {"source": source, "context": context}
        except folders.WrongFolder as error:
            self._report(locate(self._document, name, error.key), f"{error.key}: {error}")
            return None

    def _check_model(self, name: str, entry: _Entry, models: dict[tuple[str, ...], str]) -> None:
        """Report a second node for one model, even if either node has other mistakes."""
        model = entry.values.get("model")
        if model is None or (not is_uuid(model) and entry.wrong & {"tournament", "account"}):
            return
        tournament = entry.values.get("tournament", Node.model_fields["tournament"].default)
        identity = (model,) if is_uuid(model) else (model, tournament, entry.values.get("account", ""))
        if first := models.get(identity):
            self._report(
                locate(self._document, name, "model"),
                f"model: node {first} already runs this model; Numerai calls one webhook for each model.",
            )
        models.setdefault(identity, name)


def _merge(own: _Entry, defaults: _Entry) -> _Entry:
    """Merge a node's values into the defaults.

    A default does not replace a wrong value: its own mistakes would be confusing, because the node does not use it.
    """
    replaced = {*own.values, *pickle_source.list_replaced({*own.values, *own.wrong})}
    inherited = {name: value for name, value in defaults.values.items() if name not in replaced}
    wrong = own.wrong | (defaults.wrong - replaced)
    values = {name: value for name, value in {**inherited, **own.values}.items() if name not in wrong}
    for name, key in KEYS.items():
        if key.inherit is Inherit.MERGE and name in defaults.values and name in own.values:
            values[name] = _combine(defaults.values[name], own.values[name])
    return _Entry(values, wrong)


def _combine(default: Any, own: Any) -> Any:
    """Return two mappings as one, or two lists of names as one in alphabetical order."""
    return tuple(sorted({*default, *own})) if isinstance(own, tuple) else {**default, **own}


def _join(place: tuple[str | int, ...]) -> str:
    return ".".join(map(str, place))
