"""`pnodes dashboard`: shows all nodes on a page in the browser, or writes the page to a file."""

import contextlib
import os
import sys
import threading
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from pnodes import project
from pnodes.cli.options import StackOption
from pnodes.deployed.accounts import Accounts
from pnodes.deployed.stack import DeployedStack
from pnodes.errors import UserError
from pnodes.pulumi import Pulumi

if TYPE_CHECKING:
    from pnodes.dashboard.deployment import Deployment, Records
    from pnodes.deployed.scores import Scores


def dashboard(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; by default a free one.")] = 0,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")] = True,
    export: Annotated[
        Path | None, typer.Option(help="Write the page to this single file instead, including the latest logs.")
    ] = None,
    runs: Annotated[int, typer.Option(min=0, max=40, help="Number of logs per node that --export includes.")] = 3,
    stack: StackOption = None,
) -> None:
    """Show all nodes in a table on a page, and each one's rounds, scores, cost, alerts and logs. Changes nothing.

    Only this machine can open the page; Ctrl-C stops it. With --export, exits with 1 if a cloud or Numerai could not
    be queried; the file then contains the data of the others.
    """
    deployed = DeployedStack.read(stack, may_be_empty=True)
    stack_name = stack or Pulumi.find().selected_stack() or "selected stack"
    title = f"{project.project_name(project.project_folder())}/{stack_name}"
    if export is not None:
        _export(describe_deployment(deployed, title), export, runs)
        return
    _serve(deployed, stack, title, port, browser)


def _serve(deployed: DeployedStack, stack: str | None, title: str, port: int, browser: bool) -> None:
    from pnodes.dashboard.serve import Serving, listen
    from pnodes.dashboard.watch import Watch

    shown = deployed

    def reload() -> "Deployment | None":
        nonlocal shown
        current = DeployedStack.read(stack, may_be_empty=True)
        if current.same_as(shown):
            return None
        shown = current
        return describe_deployment(current, title)

    console = Console(highlight=False, soft_wrap=True)

    def announce(address: str, one_time_address: str) -> None:
        console.print(f"The page is at {address} (only on this machine; Ctrl-C stops it).", markup=False)
        # The browser gets an address that works once: every user of the machine can see its command line.
        if browser and _has_screen():
            # In a thread: the call may block until the browser exits.
            threading.Thread(target=_open, args=(one_time_address,), daemon=True).start()

    Serving(Watch(describe_deployment(deployed, title), reload), listen(port), announce).serve_until_stopped()


def _has_screen() -> bool:
    """Whether a browser can open a window. Without a screen, a text browser would take over the terminal."""
    return not sys.platform.startswith("linux") or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")))


def _open(address: str) -> None:
    with contextlib.suppress(webbrowser.Error):
        webbrowser.open(address)


def _export(deployment: "Deployment", path: Path, runs: int) -> None:
    from pnodes.atomic import write
    from pnodes.dashboard.report import build_report

    console = Console(highlight=False, soft_wrap=True)
    if path.is_dir() or not path.parent.is_dir():
        raise UserError(f"--export: expected a file in an existing folder, got {path}.", 2)
    with console.status("Querying the clouds and Numerai ..."):
        document, problems = build_report(deployment, runs)
    try:
        write(path, document)
    except OSError as error:
        raise UserError(f"{path} cannot be written ({error.strerror}).") from None
    console.print(f"{path}: {len(document.encode()) // 1024 + 1} KiB, a single file.", markup=False)
    for sentence in problems:
        Console(stderr=True, highlight=False, soft_wrap=True).print(sentence, markup=False)
    if problems:
        raise typer.Exit(1)


def describe_deployment(deployed: DeployedStack, title: str) -> "Deployment":
    """Return the stack and its data sources in the form that the page needs."""
    from nodefile import Tournament
    from pnodes.dashboard.deployment import Deployment
    from pnodes.deployed.history import fetch_rounds
    from pnodes.deployed.scores import ScoreBook

    accounts, book = Accounts(deployed), ScoreBook(project.project_folder())
    numbers = {tournament.value: tournament.number for tournament in Tournament}

    def survey(names: Sequence[str], tournaments: Sequence[str]) -> "tuple[Records, Records]":
        nodes = [deployed.nodes[name] for name in names]
        models, wanted = [node.model_id for node in nodes], [numbers[name] for name in tournaments]
        submissions, rounds = deployed.numerai(nodes[0]).survey(models, wanted)
        return (
            {node.name: submissions[node.model_id] for node in nodes},
            {name: rounds[numbers[name]] for name in tournaments},
        )

    def read_scores() -> "dict[str, tuple[Scores | None, list[str]]]":
        own = {name: node for name, node in deployed.nodes.items() if not node.rescues}
        problems = book.refresh(deployed, list(own.values()))
        return {
            name: (book.read(node), [sentence for sentence, names in problems.items() if name in names])
            for name, node in own.items()
        }

    return Deployment(
        title=title,
        nodes=deployed.nodes,
        operations=lambda name: accounts.of(deployed.nodes[name]),
        survey=survey,
        history=lambda names, last: fetch_rounds([deployed.nodes[name] for name in names], last),
        scores=read_scores,
        secrets=deployed.secrets(),
    )
