"""`pnodes run`: runs a node's model on this machine as its cloud does, but without submitting."""

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
from pnodes.cli.options import complete_node
from pnodes.errors import UserError


def run(
    name: Annotated[
        str, typer.Argument(autocompletion=complete_node, metavar="NODE", help="Name of the node in nodes.yaml.")
    ],
    command: Annotated[
        str | None, typer.Option(help='Command to run instead of the image\'s own, such as "python train.py".')
    ] = None,
    in_container: Annotated[
        bool,
        typer.Option("--container", help="Build the image with podman or docker, and run it within the node's limits."),
    ] = False,
    submit: Annotated[
        bool, typer.Option("--submit", help="Use the real API keys, so that the model can submit.")
    ] = False,
    round_number: Annotated[int | None, typer.Option("--round", min=0, help="Set ROUND_NUMBER.")] = None,
    test: Annotated[bool, typer.Option("--test", help="Set IS_TEST, as a test of the webhook does.")] = False,
    file: Annotated[
        Path | None, typer.Option(help="File with the node; by default nodes.yaml beside Pulumi.yaml.")
    ] = None,
    stack: Annotated[
        str | None,
        typer.Option(help="Stack whose configuration has the node's secrets, and with --submit the API keys."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON object at the end; the model's output goes to standard error.")
    ] = False,
) -> None:
    """Run a node's model on this machine. Exits with the model's own exit code.

    The model gets the environment variables that it has in the cloud, and none of yours. Files that it writes stay in
    its source folder. Predictions are checked and kept in .pnodes/; they are submitted only with --submit. Set
    PNODES_INSTALL_WITHOUT to remove variables while packages and base images are downloaded, such as
    HTTPS_PROXY,NO_PROXY.
    """
    from pnodes.local.local import RunOptions, run_node
    from pnodes.pulumi import check_providers

    check_providers(os.environ)
    folder = project.project_folder(file.parent if file else None)
    path = file if file is not None else folder / "nodes.yaml"
    node = _find_node(path, name)
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    options = RunOptions(_split(command), in_container, submit, round_number, test, stack, to_stderr=as_json)
    with tempfile.TemporaryDirectory(prefix="pnodes-run-", ignore_cleanup_errors=True) as scratch, _interruptible():
        outcome = run_node(node, path, options, Path(scratch), folder, os.environ, lambda text: _print(console, text))
    for line in outcome.lines():
        _print(console, line)
    if as_json:
        print(json.dumps(outcome.as_json(), indent=2))
    raise typer.Exit(outcome.ended.exit_code)


def _find_node(path: Path, name: str) -> Any:
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


def _split(command: str | None) -> tuple[str, ...] | None:
    if command is None:
        return None
    try:
        words = tuple(shlex.split(command))
    except ValueError as error:
        raise UserError(f"--command: the quotes do not match ({error}).", 2) from None
    if not words:
        raise UserError('--command: expected a command such as "python train.py", got an empty one.', 2)
    return words


def _print(console: Console, text: str) -> None:
    sys.stdout.flush()
    console.print(text, markup=False)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Handle Ctrl-C before the model starts, while packages are installed or the image is built."""
    try:
        yield
    except KeyboardInterrupt:
        raise UserError("interrupted before the model started.", 130) from None
