"""What `pnodes new` does: everything is looked at (`prepare`), then copied and written whole or not at all (`make`)."""

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nodefile import check_name, fields
from nodefile import edit as nodes_edit
from nodefile.clouds import REGIONS
from pnodes.edit import examples, nodes_write
from pnodes.edit.examples import Example
from pnodes.errors import UserError


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
class Preparation:
    """A wish that can be granted, with the content of nodes.yaml (None when there is no file) and its `defaults`."""

    wish: Wish
    content: bytes | None
    defaults: Mapping[str, Any]


@dataclass(frozen=True)
class Made:
    """What there is now."""

    folder: Path
    file: Path


def prepare(wish: Wish) -> Preparation:
    """Look at everything that can be wrong before a model is asked for; nothing is written."""
    for name in wish.names:
        if sentence := check_name(name):
            raise UserError(sentence, 2)
    for option, value, read in (
        ("--cloud", wish.cloud, fields.read_cloud),
        ("--size", wish.size, fields.read_size),
        ("--region", wish.region, fields.read_text),
    ):
        _checked(option, value, read)
    content, document = nodes_write.read(wish.file)
    nodes = document.get("nodes") or {}
    for name in wish.names:
        if name in nodes:
            raise UserError(f'{wish.file.name} already has a node "{name}". Choose another name.', 2)
    _free(wish.folder, examples.folder_of(wish.example))
    defaults = document.get("defaults")
    return Preparation(wish, content, defaults if isinstance(defaults, dict) else {})


def make(prepared: Preparation, models: Mapping[str, str]) -> Made:
    """Copy the example and add its nodes, whose models at Numerai these are."""
    wish = prepared.wish
    for model in models.values():
        _checked("--model", model, fields.read_model)
    content = _edited(prepared, models)
    made = _first_missing(wish.folder)
    try:
        examples.copy(wish.example, wish.folder, _relative(wish.folder, wish.file.parent))
        with nodes_write.checked(wish.file, prepared.content, content) as change:
            change.put()
    except BaseException as error:
        _undo(wish.folder, made)
        if isinstance(error, OSError):
            raise UserError(f"{error.filename or wish.folder} cannot be written: {error.strerror or error}.") from None
        raise
    return Made(wish.folder, wish.file)


def _checked(option: str, value: str | None, read: Callable[[Any], Any]) -> None:
    """A value of the command line by the rules of nodes.yaml."""
    try:
        if value is not None:
            read(value)
    except ValueError as error:
        raise UserError(f"{option}: {error}", 2) from None


def _free(folder: Path, example: Path) -> None:
    """Whether a copy can go there."""
    if folder.resolve().is_relative_to(example.resolve()):
        raise UserError(f"{folder} lies inside of the example that would be copied. Choose another --folder.", 2)
    around = next(place for place in (folder, *folder.parents) if place.exists() or place.is_symlink())
    if folder.is_symlink() or not around.is_dir():
        raise UserError(f"{around} exists, and is no folder. Choose another name, or another --folder.", 2)
    if folder.is_dir() and any(folder.iterdir()):
        raise UserError(f"The folder {folder} has files in it. Choose another name, or another --folder.", 2)


def _edited(prepared: Preparation, models: Mapping[str, str]) -> bytes:
    """The content of nodes.yaml with the new nodes."""
    wish, base = prepared.wish, prepared.wish.file.parent
    root = _relative(wish.folder, base)
    variables = wish.example.env(wish.name)
    entries: dict[str, Mapping[str, nodes_edit.Value]] = {}
    for name, inside in wish.names.items():
        entry: dict[str, nodes_edit.Value] = {"model": models[name], "tournament": wish.example.tournament}
        if wish.cloud or not prepared.defaults.get("cloud"):
            entry["cloud"] = wish.cloud or next(iter(REGIONS))
        entry |= {key: value for key, value in (("region", wish.region), ("size", wish.size)) if value}
        entry["source"] = f"{root}/{inside}" if inside else root
        if inside or prepared.defaults.get("context"):
            entry["context"] = root
        if name in variables:
            entry["env"] = variables[name]
        entries[name] = entry
    content = prepared.content
    if content is None:
        content = nodes_write.head(wish.file)
    try:
        return nodes_edit.add_nodes(content, entries)
    except nodes_edit.CannotEdit as refused:
        raise UserError(
            f"{wish.file.name} cannot be added to without a change to what it says. Write this under `nodes:`, and "
            f"copy the example to {root}:\n{refused.lines}"
        ) from None


def _relative(path: Path, start: Path) -> str:
    return Path(os.path.relpath(path, start)).as_posix()


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
