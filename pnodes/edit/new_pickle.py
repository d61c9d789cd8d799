"""Adds a node whose source is a pickle to nodes.yaml, for `pnodes new --pickle`."""

from dataclasses import dataclass
from pathlib import Path

from nodefile import Node, fields
from nodefile import edit as nodes_edit
from nodefile.model import Tournament
from pnodes.edit import nodes_write
from pnodes.edit.new_node import Wanted, begin_entry, check_option, check_wanted
from pnodes.errors import UserError
from providers.images.arguments import make_relative


@dataclass(frozen=True)
class PickleRequest:
    """The user's request; paths are absolute. Without `python`, the pickle tells its version."""

    name: str
    pickle: Path
    python: str | None
    file: Path
    wanted: Wanted


def prepare(request: PickleRequest) -> nodes_write.Original:
    """Check the request before the command asks for the model; return nodes.yaml as it is. Raises UserError."""
    original = check_wanted(request.wanted, request.file, [request.name])
    check_option("--python", request.python, fields.read_python)
    if not request.pickle.is_file():
        raise UserError(f"--pickle: there is no file {request.pickle}.", 2)
    return original


def create(request: PickleRequest, original: nodes_write.Original, model: str) -> Node:
    """Add the node and return it; print problems and exit with 2 if there are any. Raises UserError."""
    check_option("--model", model, fields.read_model)
    entry: dict[str, nodes_edit.Value] = begin_entry(request.wanted, original, model, Tournament.CLASSIC.value)
    entry["pickle"] = make_relative(request.pickle, request.file.parent)
    if request.python:
        entry["python"] = request.python
    content = nodes_write.add_nodes(request.file, original.kept, {request.name: entry})
    with nodes_write.checked(request.file, original, content) as change:
        change.put()
        return next(node for node in change.nodes.nodes if node.name == request.name)
