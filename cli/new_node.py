"""What `pnodes new` does: everything is looked at (`prepare`), then copied and written whole or not at all (`make`)."""

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from cli import examples, nodes_edit, project
from cli.errors import UserError
from cli.examples import Example
from nodefile import Cloud, NodeFileError, Problem, fields, wrong_name, yaml_source
from providers.checks import load_checked

_HEAD = """\
# yaml-language-server: $schema={schema}
#
# One entry per prediction node. `pulumi preview` shows what an edit would change, `pulumi up` makes it so,
# `pnodes validate` names mistakes with their line.

"""


@dataclass(frozen=True)
class Wish:
    """What the person asks for; paths are absolute."""

    name: str
    example: Example
    file: Path
    folder: Path
    cloud: str | None
    region: str | None
    size: str | None

    @property
    def names(self) -> Mapping[str, str | None]:
        """The nodes by name, each with its folder inside the copy."""
        return self.example.nodes(self.name)


@dataclass(frozen=True)
class Plan:
    """A wish that can be granted, with the content of nodes.yaml (None when there is no file) and its `defaults`."""

    wish: Wish
    content: bytes | None
    defaults: Mapping[str, Any]


@dataclass(frozen=True)
class Made:
    """What there is now."""

    folder: Path
    file: Path


def prepare(wish: Wish) -> Plan:
    """Look at everything that can be wrong before a model is asked for; nothing is written."""
    for name in wish.names:
        if sentence := wrong_name(name):
            raise UserError(sentence, 2)
    for option, value, read in (
        ("--cloud", wish.cloud, fields.choice(Cloud)),
        ("--size", wish.size, fields.size),
        ("--region", wish.region, fields.text),
    ):
        _checked(option, value, read)
    content, document = _read(wish.file)
    nodes = document.get("nodes") or {}
    for name in wish.names:
        if name in nodes:
            raise UserError(f'{wish.file.name} already has a node "{name}". Choose another name.', 2)
    _free(wish.folder, examples.folder_of(wish.example))
    defaults = document.get("defaults")
    return Plan(wish, content, defaults if isinstance(defaults, dict) else {})


def make(plan: Plan, models: Mapping[str, str]) -> Made:
    """Copy the example and add its nodes, whose models at Numerai these are."""
    wish = plan.wish
    for model in models.values():
        _checked("--model", model, fields.model)
    content = _edited(plan, models)
    made = _first_missing(wish.folder)
    candidate = None
    try:
        examples.copy(wish.example, wish.folder, _relative(wish.folder, wish.file.parent))
        candidate = _beside(wish.file, content)
        problems = _problems(candidate, wish.file)
        if problems:
            raise _Wrong(problems)
        if _bytes(wish.file) != plan.content:
            raise UserError(f"{wish.file.name} was changed by somebody else meanwhile. Nothing was written; try again.")
        candidate.replace(wish.file.resolve())
    except BaseException as error:
        _undo(wish.folder, made)
        if candidate is not None:
            candidate.unlink(missing_ok=True)
        if isinstance(error, _Wrong):
            _show(error.problems, plan.content or b"", content)
        if isinstance(error, OSError):
            raise UserError(f"{error.filename or wish.folder} cannot be written: {error.strerror or error}.") from None
        raise
    return Made(wish.folder, wish.file)


class _Wrong(Exception):
    """The file with the new nodes has problems."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__()
        self.problems = problems


def _checked(option: str, value: str | None, read: Callable[[Any], Any]) -> None:
    """A value of the command line by the rules of nodes.yaml."""
    try:
        if value is not None:
            read(value)
    except ValueError as error:
        raise UserError(f"{option}: {error}", 2) from None


def _read(file: Path) -> tuple[bytes | None, dict[str, Any]]:
    """The file's content and what it says. A file with problems is shown as `pnodes validate` shows it; one without any
    node yet is none of them."""
    if not file.parent.is_dir():
        raise UserError(f"There is no folder {file.parent}, in which {file.name} would lie.", 2)
    content = _bytes(file)
    if content is None:
        return None, {}
    document = yaml_source.read(content)
    value = {} if document.value is None else document.value
    if document.problems or not isinstance(value, dict) or value.get("nodes"):
        problems = _problems(file, file)
        if problems:
            for problem in problems:
                print(problem)
            raise typer.Exit(2)
    return content, value


def _bytes(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}.", 2) from None


def _free(folder: Path, example: Path) -> None:
    """Whether a copy can go there."""
    if folder.resolve().is_relative_to(example.resolve()):
        raise UserError(f"{folder} lies inside of the example that would be copied. Choose another --folder.", 2)
    around = next(place for place in (folder, *folder.parents) if place.exists() or place.is_symlink())
    if folder.is_symlink() or not around.is_dir():
        raise UserError(f"{around} exists, and is no folder. Choose another name, or another --folder.", 2)
    if folder.is_dir() and any(folder.iterdir()):
        raise UserError(f"The folder {folder} has files in it. Choose another name, or another --folder.", 2)


def _edited(plan: Plan, models: Mapping[str, str]) -> bytes:
    """The content of nodes.yaml with the new nodes."""
    wish, base = plan.wish, plan.wish.file.parent
    root = _relative(wish.folder, base)
    entries: dict[str, dict[str, str]] = {}
    for name, inside in wish.names.items():
        entry = {"model": models[name], "tournament": wish.example.tournament}
        if wish.cloud or not plan.defaults.get("cloud"):
            entry["cloud"] = wish.cloud or Cloud.AWS.value
        entry |= {key: value for key, value in (("region", wish.region), ("size", wish.size)) if value}
        entry["source"] = f"{root}/{inside}" if inside else root
        if inside or plan.defaults.get("context"):
            entry["context"] = root
        entries[name] = entry
    content = plan.content
    if content is None:
        content = _HEAD.format(schema=_relative(project.project_folder(base) / "nodes.schema.json", base)).encode()
    try:
        return nodes_edit.with_nodes(content, entries)
    except nodes_edit.CannotEdit as refused:
        raise UserError(
            f"{wish.file.name} cannot be added to without a change to what it says. Write this under `nodes:`, and "
            f"copy the example to {root}:\n{refused.lines}"
        ) from None


def _relative(path: Path, start: Path) -> str:
    return Path(os.path.relpath(path, start)).as_posix()


def _beside(file: Path, content: bytes) -> Path:
    """A file with this content in the same folder, so that its paths lead to the same places."""
    real = file.resolve()
    with tempfile.NamedTemporaryFile(dir=real.parent, prefix=f".{real.name}.", delete=False) as candidate:
        candidate.write(content)
    if real.exists():
        shutil.copymode(real, candidate.name)
    else:
        Path(candidate.name).chmod(0o644)
    return Path(candidate.name)


def _problems(candidate: Path, file: Path) -> list[Problem]:
    try:
        load_checked(candidate, project.project_name(project.project_folder(file.parent)), project.STACK)
    except NodeFileError as error:
        return [Problem(file.name, each.line, each.column, each.message) for each in error.problems]
    return []


def _first_missing(folder: Path) -> Path | None:
    """What a copy to this folder would make first: the folder, or one above it; None when all are there."""
    if folder.exists():
        return None
    while not folder.parent.exists():
        folder = folder.parent
    return folder


def _undo(folder: Path, made: Path | None) -> None:
    """Remove the copy: with `made` and all in it, or the content of a folder that was there and empty."""
    if made is not None:
        shutil.rmtree(made, ignore_errors=True)
        return
    for each in folder.iterdir():
        if each.is_dir() and not each.is_symlink():
            shutil.rmtree(each, ignore_errors=True)
        else:
            each.unlink(missing_ok=True)


def _show(problems: list[Problem], before: bytes, after: bytes) -> None:
    """Problems of the new nodes, whose lines nobody has seen, and of lines that were there."""
    old, new = before.splitlines(), after.splitlines()
    first = next((index for index, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), len(old))
    count = len(new) - len(old)
    for each in problems:
        if each.line <= first:
            print(each)
        elif each.line > first + count:
            print(Problem(each.path, each.line - count, each.column, each.message))
        else:
            print(f"the new node: {each.message}")
    raise typer.Exit(2)
