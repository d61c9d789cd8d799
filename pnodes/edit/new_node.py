"""Creates a node for `pnodes new`: `prepare` checks everything, then `create` makes all of the changes or none."""

import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nodefile import check_name, fields
from nodefile import edit as nodes_edit
from nodefile.clouds import REGIONS
from pnodes.edit import examples, nodes_write
from pnodes.edit.examples import Example
from pnodes.errors import UserError
from providers.images.arguments import make_relative


@dataclass(frozen=True)
class Wanted:
    """The settings of new nodes that have an option of their own; None for those of `defaults`."""

    cloud: str | None
    region: str | None
    size: str | None


@dataclass(frozen=True)
class Request:
    """The user's request; paths are absolute."""

    name: str
    example: Example
    file: Path
    folder: Path
    wanted: Wanted

    @property
    def names(self) -> Mapping[str, str | None]:
        """The names of the new nodes, each with its folder inside the copy."""
        return self.example.nodes(self.name)


@dataclass(frozen=True)
class Preparation:
    """A valid request, with nodes.yaml as it is."""

    request: Request
    original: nodes_write.Original


def prepare(request: Request) -> Preparation:
    """Check the request before the command asks for models. Writes nothing. Raises UserError."""
    original = check_wanted(request.wanted, request.file, request.names)
    _check_folder(request.folder, examples.find_folder(request.example))
    return Preparation(request, original)


def check_wanted(wanted: Wanted, file: Path, names: Iterable[str]) -> nodes_write.Original:
    """Check the names and settings of new nodes; return nodes.yaml as it is. Raises UserError."""
    for name in names:
        if sentence := check_name(name):
            raise UserError(sentence, 2)
    for option, value, read in (
        ("--cloud", wanted.cloud, fields.read_cloud),
        ("--size", wanted.size, fields.read_size),
        ("--region", wanted.region, fields.read_text),
    ):
        check_option(option, value, read)
    original = nodes_write.read(file)
    for name in names:
        if name in original.nodes:
            raise UserError(f'{file.name} already has a node "{name}". Choose another name.', 2)
    return original


def create(preparation: Preparation, models: Mapping[str, str]) -> None:
    """Copy the example and add its nodes; `models`: node name -> its model at Numerai. Raises UserError."""
    request = preparation.request
    for model in models.values():
        check_option("--model", model, fields.read_model)
    content = _add_nodes(preparation, models)
    new_folder = _first_missing(request.folder)
    try:
        examples.copy(request.example, request.folder, make_relative(request.folder, request.file.parent))
        with nodes_write.checked(request.file, preparation.original, content) as change:
            change.put()
    except BaseException as error:
        _remove_copy(request.folder, new_folder)
        if isinstance(error, OSError):
            path = error.filename or request.folder
            raise UserError(f"{path} cannot be written: {error.strerror or error}.") from None
        raise


def check_option(option: str, value: str | None, read: Callable[[Any], Any]) -> None:
    """Check an option's value by the rules of nodes.yaml. Raises UserError."""
    try:
        if value is not None:
            read(value)
    except ValueError as error:
        raise UserError(f"{option}: {error}", 2) from None


def _check_folder(folder: Path, example: Path) -> None:
    """Check that the example can be copied to this folder. Raises UserError."""
    if folder.resolve().is_relative_to(example.resolve()):
        raise UserError(f"{folder} is inside the example to copy. Choose another --folder.", 2)
    parent = next(place for place in (folder, *folder.parents) if place.exists() or place.is_symlink())
    if folder.is_symlink() or not parent.is_dir():
        raise UserError(f"{parent} exists but is not a folder. Choose another name, or another --folder.", 2)
    if folder.is_dir() and any(folder.iterdir()):
        raise UserError(f"The folder {folder} is not empty. Choose another name, or another --folder.", 2)


def _add_nodes(preparation: Preparation, models: Mapping[str, str]) -> bytes:
    """Return the content of nodes.yaml with the new nodes. Raises UserError."""
    request = preparation.request
    root = make_relative(request.folder, request.file.parent)
    variables = request.example.env(request.name)
    entries: dict[str, Mapping[str, nodes_edit.Value]] = {}
    for name, subfolder in request.names.items():
        entry = begin_entry(request.wanted, preparation.original, models[name], request.example.tournament)
        entry["source"] = f"{root}/{subfolder}" if subfolder else root
        if subfolder or preparation.original.defaults.get("context"):
            entry["context"] = root
        if name in variables:
            entry["env"] = variables[name]
        entries[name] = entry
    return nodes_write.add_nodes(request.file, preparation.original.kept, entries, f", and copy the example to {root}")


def begin_entry(
    wanted: Wanted, original: nodes_write.Original, model: str, tournament: str
) -> dict[str, nodes_edit.Value]:
    """Return the keys of a new node that do not depend on its source."""
    entry: dict[str, nodes_edit.Value] = {"model": model, "tournament": tournament}
    if wanted.cloud or not original.defaults.get("cloud"):
        entry["cloud"] = wanted.cloud or next(iter(REGIONS))
    return entry | {key: value for key, value in (("region", wanted.region), ("size", wanted.size)) if value}


def _first_missing(folder: Path) -> Path | None:
    """Return the topmost folder that a copy to this folder would create; None if the folder exists."""
    if folder.exists():
        return None
    while not folder.parent.exists():
        folder = folder.parent
    return folder


def _remove_copy(folder: Path, new_folder: Path | None) -> None:
    """Remove the copy: the whole `new_folder`, or only the content of `folder` if that existed before."""
    if new_folder is not None:
        shutil.rmtree(new_folder, ignore_errors=True)
        return
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
