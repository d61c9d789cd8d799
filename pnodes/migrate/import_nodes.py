"""Prepares `pnodes import`: translates the nodes of numerai-cli, adds them to the content of nodes.yaml, and reports
the differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import typer

from nodefile import NodeFile
from nodefile.clouds import REGIONS
from nodefile.model import is_uuid
from pnodes import project
from pnodes.edit import nodes_write
from pnodes.errors import UserError
from pnodes.migrate import nodes_json
from pnodes.migrate.nodes_json import OldNode, WrongFile
from pnodes.migrate.translate import NewNode, NoModel, translate
from providers.checks import list_notes

_EVERY_CLOUD = (
    "the webhooks get new URLs. While a node has `register: false`, Numerai continues to call the old one",
    "`numerai node destroy` clears the model's webhook at Numerai, even a new one: then run `pulumi up --refresh`",
    "Dockerfiles can stay as they are: API keys that they take as build arguments reach the running container instead",
)
_ADVICE = "Nothing was written. Correct the file, or skip a node with --skip NAME, by its name in numerai-cli."


@dataclass(frozen=True)
class NodeImport:
    """The new nodes, and the file before and after the import."""

    file: Path
    new: Sequence[NewNode]
    original: nodes_write.Original
    content: bytes

    def checked(self) -> AbstractContextManager[nodes_write.Change]:
        """Check the new content by all rules of nodes.yaml and of the clouds."""
        old_names = {node.name: node.old.name for node in self.new}
        return nodes_write.checked(self.file, self.original, self.content, old_names, _ADVICE)

    def report(self, nodes: NodeFile, lacks: Callable[[str], bool]) -> dict[str, Any]:
        """Return the differences, for JSON and for text. `nodes` are those of the checked content; `lacks` returns
        whether the stack lacks a setting."""
        size_notes = list_notes(nodes)
        by_name = {node.name: node for node in nodes.nodes}
        documents = [
            {
                "name": node.name,
                "was": node.old.name,
                "cloud": node.old.provider,
                "region": by_name[node.name].region,
                "size": str(by_name[node.name].size),
                "notes": [*node.notes, *(f"`size`: {note}" for name, note in size_notes.items() if name == node.name)],
            }
            for node in self.new
        ]
        changes = {node.old.provider: node.old.numerai_cli.change for node in self.new}
        projects = sorted({node.project for node in self.new if node.project})
        return {
            "file": project.shorten_path(self.file),
            "nodes": documents,
            "removed": list(self.original.examples),
            "notes": [*_EVERY_CLOUD, *(changes[cloud] for cloud in REGIONS if cloud in changes)],
            "next": [
                *(
                    (f"pulumi config set gcp:project {name}", "use numerai-cli's project")
                    for name in projects[:1]
                    if lacks("gcp:project")
                ),
                ("pulumi preview", "show what would be created"),
                ("pulumi up", "create it; numerai-cli's resources stay"),
            ],
        }


def prepare(source: Path, file: Path, skip: frozenset[str], account: str | None) -> NodeImport:
    """Read both files and translate the nodes. If there are problems, print all of them and exit with 2."""
    original = nodes_write.read(file)
    existing = original.nodes
    old = _read(source, skip)
    problems = [problem for node in old if (problem := _folder_problem(node))]
    new: list[NewNode] = []
    names: set[str] = set()
    for node in old:
        if _folder_problem(node):
            continue
        try:
            entry = translate(node, file.parent, names, original.defaults)
        except NoModel as error:
            problems.append(str(error))
            continue
        names.add(entry.name)
        if entry.name not in existing:
            new.append(entry)
        elif _read_model(existing[entry.name]) != entry.entry["model"]:
            problems.append(f'node {node.name}: {file.name} already has a node "{entry.name}" of another model.')
    if problems:
        _exit(source, problems)
    if not new:
        raise UserError(f"{file.name} already has all nodes of {source}.", 2)
    extra = {"account": account} if account else {}
    entries = {node.name: {**node.entry, **extra} for node in new}
    return NodeImport(file, new, original, nodes_write.add_nodes(file, original.kept, entries))


def _read(source: Path, skip: frozenset[str]) -> list[OldNode]:
    try:
        return nodes_json.read(source, skip)
    except WrongFile as error:
        if len(error.sentences) == 1 and error.sentences[0].startswith(("There is no", str(source))):
            raise UserError(str(error), 2) from None
        _exit(source, list(error.sentences))


def _read_model(entry: Any) -> str:
    """Return the model of an entry of nodes.yaml, with a UUID in lower case."""
    model = str(entry.get("model")) if isinstance(entry, dict) else ""
    return model.lower() if is_uuid(model) else model


def _folder_problem(node: OldNode) -> str | None:
    """Return the problem with a node's folder, if any."""
    if not node.path.is_dir():
        return f"node {node.name}: its folder {node.path} is not on this machine."
    if not (node.path / "Dockerfile").is_file():
        return f"node {node.name}: its folder {node.path} contains no Dockerfile."
    return None


def _exit(source: Path, problems: list[str]) -> NoReturn:
    for sentence in problems:
        typer.echo(sentence if sentence.startswith(source.name) else f"{source.name}: {sentence}")
    typer.echo(_ADVICE)
    raise typer.Exit(2)
