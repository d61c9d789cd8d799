"""`pnodes new`: creates a node from an example, which the command copies, or from a pickle, and adds it to nodes.yaml.

It does both or neither: it writes nodes.yaml last, and only if the file with the new node has no problems.
"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from pnodes import project
from pnodes.edit import examples
from pnodes.edit.examples import Example
from pnodes.errors import UserError
from pnodes.wording import plural

if TYPE_CHECKING:
    from pnodes.edit.new_pickle import PickleRequest

_DEFAULT = "tournament-python"


def new(
    name: Annotated[
        str | None, typer.Argument(help="Name of the new node: lower-case letters, digits and hyphens.")
    ] = None,
    example: Annotated[str, typer.Option(help="Example to copy; --list shows all examples.")] = _DEFAULT,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="Name or UUID of the model at Numerai; by default the command asks for it. Repeat it for each node: "
            "shared-package creates two, NAME-1 and NAME-2."
        ),
    ] = None,
    cloud: Annotated[
        str | None, typer.Option(help="aws, gcp or azure; by default the one in `defaults` of nodes.yaml, or aws.")
    ] = None,
    region: Annotated[str | None, typer.Option(help="Name of a region of the cloud.")] = None,
    size: Annotated[str | None, typer.Option(help="Preset such as gen-md.")] = None,
    pickle: Annotated[
        Path | None,
        typer.Option(help="File with a pickled function of Numerai's Model Uploads, instead of an example."),
    ] = None,
    python: Annotated[
        str | None,
        typer.Option(help="With --pickle: version such as 3.12 or 3.12-slim; by default the one that the file tells."),
    ] = None,
    folder: Annotated[Path | None, typer.Option(help="Folder for the copy; by default NAME beside nodes.yaml.")] = None,
    file: Annotated[
        Path | None, typer.Option(help="File to add the node to; by default nodes.yaml beside Pulumi.yaml.")
    ] = None,
    show_list: Annotated[bool, typer.Option("--list", help="List the examples, and do nothing else.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --list: print JSON instead of text.")] = False,
) -> None:
    """Create a node from an example, or from a pickle, and add it to nodes.yaml.

    Comments and order of nodes.yaml stay. If anything is wrong, nothing is written, and the exit code is 2.
    """
    if show_list:
        _list(as_json)
        return
    if as_json:
        raise UserError("--json requires --list.", 2)
    if name is None:
        raise UserError("Give the new node a name: `pnodes new NAME --example ...`; `--list` shows the examples.", 2)
    if python and pickle is None:
        raise UserError("--python requires --pickle.", 2)
    from pnodes.edit.new_node import Request, Wanted, create, prepare
    from pnodes.edit.new_pickle import PickleRequest

    path = (file or project.project_folder() / "nodes.yaml").absolute()
    wanted = Wanted(cloud, region, size)
    if pickle is not None:
        if folder is not None:
            raise UserError("--folder is for a copy of an example; a pickle stays in its place.", 2)
        _create_from_pickle(PickleRequest(name, pickle.absolute(), python, path, wanted), model or [])
        return
    template = examples.find(example)
    request = Request(name, template, path, (folder or path.parent / name).absolute(), wanted)
    preparation = prepare(request)
    names = list(request.names)
    create(preparation, _choose_models(template.name, names, model or []))
    _print_next_steps(template, request.folder, names, path, preparation.original.examples)


def _create_from_pickle(request: "PickleRequest", models: list[str]) -> None:
    from pnodes.edit import new_pickle
    from providers.images.pickled import describe_unknown, find_origin

    original = new_pickle.prepare(request)
    chosen = _choose_models(request.pickle.name, [request.name], models)
    node = new_pickle.create(request, original, chosen[request.name])
    edited = Path(os.path.relpath(request.file)).as_posix()
    console = Console(highlight=False, soft_wrap=True, markup=False)
    console.print(f"Added the node {node.name} to {edited}. {request.pickle.name} was {find_origin(node)}.")
    if unknown := describe_unknown(node):
        console.print(unknown)
    _print_commands(console, original.examples, request.file, edited, [_describe_run(node.name)])


def _choose_models(origin: str, names: list[str], models: list[str]) -> Mapping[str, str]:
    """Return node name -> its model at Numerai. Ask for missing models; without a terminal, raise UserError."""
    if len(models) > len(names):
        raise UserError(
            f"There are {len(models)} --model options, but {origin} creates {plural(len(names), 'node')}.", 2
        )
    if len(models) < len(names) and not _is_interactive():
        times = "" if len(names) == 1 else f" {len(names)} times, for {' and '.join(names)}"
        raise UserError(f"Give --model{times}: the name or UUID of the node's model at Numerai.", 2)
    answers = [typer.prompt(f"Name or UUID of {name}'s model at Numerai") for name in names[len(models) :]]
    return dict(zip(names, [*models, *answers], strict=True))


def _is_interactive() -> bool:
    """Whether there is a user who can answer a prompt."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def _list(as_json: bool) -> None:
    if as_json:
        facts = [
            {"name": example.name, "tournament": example.tournament, "nodes": example.count, "about": example.about}
            for example in examples.EXAMPLES
        ]
        print(json.dumps({"examples": facts}, indent=2))
        return
    width = max(len(example.name) for example in examples.EXAMPLES)
    for example in examples.EXAMPLES:
        print(f"{example.name:<{width}}  {example.about}")


def _print_next_steps(example: Example, folder: Path, names: list[str], file: Path, removed: tuple[str, ...]) -> None:
    copied, edited = (Path(os.path.relpath(path)).as_posix() for path in (folder, file))
    console = Console(highlight=False, soft_wrap=True, markup=False)
    nodes = "node" if len(names) == 1 else "nodes"
    console.print(
        f"Copied examples/{example.name} to {copied}/, and added the {nodes} {' and '.join(names)} to {edited}."
    )
    trainings = [
        (f"pnodes run {name} {example.training}", "train the model; it becomes part of the image") for name in names
    ]
    _print_commands(console, removed, file, edited, [*trainings, *(_describe_run(name) for name in names)])


def _describe_run(name: str) -> tuple[str, str]:
    return f"pnodes run {name}", "run the model on this machine; submit nothing"


def _print_commands(
    console: Console, removed: tuple[str, ...], file: Path, edited: str, first: list[tuple[str, str]]
) -> None:
    if removed:
        console.print(f"Removed the examples that {file.name} came with: {', '.join(removed)}.")
    console.print("\nNext:")
    is_default = file == project.project_folder() / "nodes.yaml"
    steps = (
        *first,
        ("pnodes validate" if is_default else f"pnodes validate {edited}", f"check {file.name} after each edit"),
        ("pulumi preview", "show what would be created"),
        ("pulumi up", "create it"),
    )
    width = max(len(command) for command, _ in steps)
    for command, comment in steps:
        console.print(f"  {command:<{width}} # {comment}")
