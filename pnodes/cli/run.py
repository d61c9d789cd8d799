"""`pnodes run`: one node's model on this machine, as its cloud would run it, and without submitting."""

import json
import os
import shlex
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from pnodes import project
from pnodes.errors import UserError


def run(
    name: Annotated[str, typer.Argument(metavar="NODE", help="The node's name in nodes.yaml.")],
    command: Annotated[
        str | None, typer.Option(help='Run this instead of the image\'s command, such as "python train.py".')
    ] = None,
    in_container: Annotated[
        bool,
        typer.Option("--container", help="Build the image with podman or docker, and run it with the node's limits."),
    ] = False,
    submit: Annotated[
        bool, typer.Option("--submit", help="Use the real API keys, so that the model can submit.")
    ] = False,
    round_number: Annotated[int | None, typer.Option("--round", min=0, help="Sets ROUND_NUMBER.")] = None,
    test: Annotated[bool, typer.Option("--test", help="Sets IS_TEST, as a test of the webhook does.")] = False,
    file: Annotated[
        Path | None, typer.Option(help="The file with the node; nodes.yaml beside Pulumi.yaml when left out.")
    ] = None,
    stack: Annotated[
        str | None,
        typer.Option(help="With --submit: the stack whose configuration has the keys; else the selected one."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object at the end; the model's output goes to standard error.")
    ] = False,
) -> None:
    """Run a node's model on this machine. Ends with the model's own exit code.

    The model gets the variables that it has in the cloud and nothing else of yours. Files that it writes stay in its
    source folder; predictions are checked and kept in .pnodes/, not submitted, unless --submit says so. Packages and
    base images are downloaded without the variables that PNODES_INSTALL_WITHOUT names, such as HTTPS_PROXY,NO_PROXY.
    """
    from pnodes.local.local import RunOptions, run_node
    from pnodes.local.refused import CannotRun

    folder = project.project_folder(file.parent if file else None)
    path = file if file is not None else folder / "nodes.yaml"
    node = _node(path, name)
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    wishes = RunOptions(_words(command), in_container, submit, round_number, test, stack, to_stderr=as_json)
    try:
        with tempfile.TemporaryDirectory(prefix="pnodes-run-", ignore_cleanup_errors=True) as scratch, _interruptible():
            outcome = run_node(node, path, wishes, Path(scratch), folder, os.environ, lambda text: _say(console, text))
    except CannotRun as error:
        raise UserError(str(error), error.exit_code) from None
    for line in outcome.lines():
        _say(console, line)
    if as_json:
        print(json.dumps(outcome.as_json(), indent=2))
    raise typer.Exit(outcome.ended.exit_code)


def _node(path: Path, name: str) -> Any:
    from nodefile import NodeFileError, load
    from nodefile.problems import did_you_mean

    try:
        nodes = {node.name: node for node in load(path).nodes}
    except NodeFileError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        raise typer.Exit(2) from None
    if name not in nodes:
        hint = did_you_mean(name, nodes) or f" It has: {', '.join(sorted(nodes))}."
        raise UserError(f'{path.name} has no node "{name}".{hint}', 2)
    return nodes[name]


def _words(command: str | None) -> tuple[str, ...] | None:
    if command is None:
        return None
    try:
        words = tuple(shlex.split(command))
    except ValueError as error:
        raise UserError(f"--command: the quotes do not match ({error}).", 2) from None
    if not words:
        raise UserError('--command: expected a command such as "python train.py", got an empty one.', 2)
    return words


def _say(console: Console, text: str) -> None:
    sys.stdout.flush()
    console.print(text, markup=False)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C before the model has started, while packages are installed or the image is built."""
    try:
        yield
    except KeyboardInterrupt:
        raise UserError("interrupted before the model had started.", 130) from None
