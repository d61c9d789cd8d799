"""What `pnodes import` will write: numerai-cli's nodes translated and added to the content of nodes.yaml, and a report
of what is different."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from nodefile import NodeFile
from nodefile import edit as nodes_edit
from nodefile.clouds import REGIONS
from pnodes import project
from pnodes.edit import nodes_write
from pnodes.errors import UserError
from pnodes.migrate import nodes_json
from pnodes.migrate.nodes_json import OldNode, WrongFile
from pnodes.migrate.translate import NewNode, NoModel, translated
from providers.checks import list_notes as size_notes

_EVERY_CLOUD = (
    "the webhooks get new addresses. While a node has `register: false` Numerai goes on calling the old one",
    "`numerai node destroy` clears the model's webhook at Numerai, also a new one: run `pulumi up --refresh` after it",
    "Dockerfiles may stay as they are: API keys that they take as build arguments reach the running container instead",
)
_ADVICE = "Nothing was written. Put it right there, or leave a node out with --skip NAME, by its name there."


@dataclass(frozen=True)
class NodeImport:
    """The new nodes, and the content of the file before (None when there is none) and after."""

    file: Path
    new: Sequence[NewNode]
    before: bytes | None
    content: bytes

    def checked(self) -> AbstractContextManager[nodes_write.Change]:
        """The content by all rules of nodes.yaml and of the clouds."""
        was = {each.name: each.old.name for each in self.new}
        return nodes_write.checked(self.file, self.before, self.content, was, _ADVICE)

    def report(self, nodes: NodeFile, wants: Callable[[str], bool]) -> dict[str, Any]:
        """What is different, for JSON and for text. `nodes` are those of the checked content; `wants` tells whether a
        setting of the stack has to be set still."""
        sizes = size_notes(nodes)
        by_name = {node.name: node for node in nodes.nodes}
        found = []
        for each in self.new:
            size = by_name[each.name].size
            given = sizes.get(each.name)
            found.append(
                {
                    "name": each.name,
                    "was": each.old.name,
                    "cloud": each.old.provider,
                    "region": by_name[each.name].region,
                    "size": str(size),
                    "notes": [*each.notes, *([f"`size`: {given}"] if given else [])],
                }
            )
        changes = {each.old.provider: each.old.numerai_cli.change for each in self.new}
        projects = sorted({each.project for each in self.new if each.project})
        return {
            "file": project.shorten_path(self.file),
            "nodes": found,
            "notes": [*_EVERY_CLOUD, *(changes[cloud] for cloud in REGIONS if cloud in changes)],
            "next": [
                *(
                    (f"pulumi config set gcp:project {name}", "where numerai-cli had them")
                    for name in projects[:1]
                    if wants("gcp:project")
                ),
                ("pulumi preview", "what would be made"),
                ("pulumi up", "makes it, beside what numerai-cli made"),
            ],
        }


def prepare(source: Path, file: Path, skip: frozenset[str], account: str | None) -> NodeImport:
    """Read both files and translate. What is wrong is said all at once, and ends the command."""
    before, document = nodes_write.read(file)
    defaults = document.get("defaults")
    defaults = defaults if isinstance(defaults, dict) else {}
    existing = document.get("nodes") or {}
    old = _read(source, skip)
    problems = [sentence for node in old if (sentence := _folder(node))]
    new: list[NewNode] = []
    for node in old:
        if _folder(node):
            continue
        try:
            made = translated(node, file.parent, {each.name for each in new}, defaults)
        except NoModel as error:
            problems.append(str(error))
            continue
        if made.name in existing:
            problems.append(f'node {node.name}: {file.name} has a node "{made.name}" already.')
        new.append(made)
    if problems:
        _end(source, problems)
    extra = {"account": account} if account else {}
    entries = {each.name: {**each.entry, **extra} for each in new}
    content = nodes_write.head(file) if before is None else before
    try:
        return NodeImport(file, new, before, nodes_edit.add_nodes(content, entries))
    except nodes_edit.CannotEdit as refused:
        raise UserError(
            f"{file.name} cannot be added to without a change to what it says. Write this under `nodes:`:\n"
            f"{refused.lines}"
        ) from None


def _read(source: Path, skip: frozenset[str]) -> list[OldNode]:
    try:
        return nodes_json.read(source, skip)
    except WrongFile as error:
        if len(error.sentences) == 1 and error.sentences[0].startswith(("There is no", str(source))):
            raise UserError(str(error), 2) from None
        _end(source, list(error.sentences))
        raise


def _folder(node: OldNode) -> str | None:
    """What is wrong with a node's folder."""
    if not node.path.is_dir():
        return f"node {node.name}: its folder {node.path} is not on this machine."
    if not (node.path / "Dockerfile").is_file():
        return f"node {node.name}: its folder {node.path} holds no Dockerfile."
    return None


def _end(source: Path, problems: list[str]) -> None:
    for sentence in problems:
        typer.echo(sentence if sentence.startswith(source.name) else f"{source.name}: {sentence}")
    typer.echo(_ADVICE)
    raise typer.Exit(2)
