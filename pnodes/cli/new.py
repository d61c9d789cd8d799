"""`pnodes new`: a node that starts from an example. The example is copied, and the node is added to nodes.yaml.

Both happen, or neither: nodes.yaml is written last, and only when the file with the new node has no problem.
"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pnodes import project
from pnodes.edit import examples
from pnodes.edit.examples import Example
from pnodes.errors import UserError
from pnodes.wording import plural

_DEFAULT = "tournament-python"


def new(
    name: Annotated[
        str | None, typer.Argument(help="The new node's name: lower-case letters, digits and hyphens.")
    ] = None,
    example: Annotated[str, typer.Option(help="What to start from; --list shows what there is.")] = _DEFAULT,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="The model's name or UUID at Numerai; asked for when left out. Once for each node: shared-package "
            "makes two, NAME-1 and NAME-2."
        ),
    ] = None,
    cloud: Annotated[
        str | None, typer.Option(help="aws, gcp or azure; when left out what `defaults` of nodes.yaml says, else aws.")
    ] = None,
    region: Annotated[str | None, typer.Option(help="The cloud's own name of a region.")] = None,
    size: Annotated[str | None, typer.Option(help="A preset such as gen-md.")] = None,
    folder: Annotated[
        Path | None, typer.Option(help="Where the copy goes; NAME beside nodes.yaml when left out.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option(help="The file that gets the node; nodes.yaml beside Pulumi.yaml when left out.")
    ] = None,
    show_list: Annotated[bool, typer.Option("--list", help="List the examples, and do nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --list: JSON instead of text.")] = False,
) -> None:
    """Make a node from an example: copy it, and add it to nodes.yaml, which keeps its comments and order.

    Nothing is written when anything is wrong: exit code 2, and a sentence.
    """
    if show_list:
        _list(as_json)
        return
    if as_json:
        raise UserError("--json goes with --list.", 2)
    if name is None:
        raise UserError("Give the new node a name: `pnodes new NAME --example ...`; `--list` shows the examples.", 2)
    from pnodes.edit.new_node import Wish, make, prepare

    found = examples.find(example)
    path = (file or project.project_folder() / "nodes.yaml").absolute()
    wish = Wish(name, found, path, (folder or path.parent / name).absolute(), cloud, region, size)
    prepared = prepare(wish)
    made = make(prepared, _models(found, list(wish.names), model or []))
    _tell(found, made.folder, list(wish.names), made.file)


def _models(example: Example, names: list[str], given: list[str]) -> Mapping[str, str]:
    """Node name -> its model at Numerai. Asks a person; says to a program what is missing."""
    if len(given) > len(names):
        raise UserError(
            f"--model is given {len(given)} times, and {example.name} makes {plural(len(names), 'node')}.", 2
        )
    if len(given) < len(names) and not _asks():
        times = "" if len(names) == 1 else f" {len(names)} times, for {' and '.join(names)}"
        raise UserError(f"Give --model{times}: the name or UUID of the model at Numerai that the node runs.", 2)
    answers = [typer.prompt(f"Name or UUID of {name}'s model at Numerai") for name in names[len(given) :]]
    return dict(zip(names, [*given, *answers], strict=True))


def _asks() -> bool:
    """Whether a person is there to answer."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def _list(as_json: bool) -> None:
    if as_json:
        facts = [
            {"name": each.name, "tournament": each.tournament, "nodes": each.count, "about": each.about}
            for each in examples.EXAMPLES
        ]
        print(json.dumps({"examples": facts}, indent=2))
        return
    width = max(len(each.name) for each in examples.EXAMPLES)
    for each in examples.EXAMPLES:
        print(f"{each.name:<{width}}  {each.about}")


def _tell(example: Example, folder: Path, names: list[str], file: Path) -> None:
    here = Path.cwd()
    copied, edited = (Path(os.path.relpath(path, here)).as_posix() for path in (folder, file))
    console = Console(highlight=False, soft_wrap=True, markup=False)
    nodes = "node" if len(names) == 1 else "nodes"
    console.print(
        f"Copied examples/{example.name} to {copied}/, and added the {nodes} {' and '.join(names)} to {edited}."
    )
    console.print("\nNext:")
    own = file == project.project_folder() / "nodes.yaml"
    steps = (
        *((f"pnodes run {name} {example.training}", "trains; the model goes into the image") for name in names),
        *((f"pnodes run {name}", "the model on this machine; nothing is submitted") for name in names),
        ("pnodes validate" if own else f"pnodes validate {edited}", f"after each edit of {file.name}"),
        ("pulumi preview", "what would be made"),
        ("pulumi up", "makes it"),
    )
    width = max(len(what) for what, _ in steps)
    for what, why in steps:
        console.print(f"  {what:<{width}} # {why}")
