"""`pnodes dashboard`: a page of all nodes in the browser, or as a file. What is shown comes from the other rooms."""

import contextlib
import os
import sys
import threading
import webbrowser
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
    from pnodes.dashboard.deployment import Deployment


def dashboard(
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port on 127.0.0.1; a free one when left out.")] = 0,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")] = True,
    export: Annotated[
        Path | None, typer.Option(help="Write the page as this one file instead, with the last runs' logs in it.")
    ] = None,
    runs: Annotated[int, typer.Option(min=0, max=40, help="How many runs of each node --export keeps the log of.")] = 3,
    stack: StackOption = None,
) -> None:
    """Show all nodes on a page: rounds, triggers, durations, submissions, cost so far, logs. It changes nothing.

    The page is on this machine alone and ends with Ctrl-C. With --export, exit code 1 when a cloud or Numerai could
    not be asked; the others are in the file nevertheless.
    """
    found = DeployedStack.read(stack)
    stack_name = stack or Pulumi.find().selected_stack() or "selected stack"
    title = f"{project.project_name(project.project_folder())}/{stack_name}"
    if export is not None:
        _export(deployment(found, title), export, runs)
        return
    _serve(found, stack, title, port, browser)


def _serve(found: DeployedStack, chosen: str | None, title: str, port: int, browser: bool) -> None:
    from pnodes.dashboard.serve import PortTaken, Serving, listen
    from pnodes.dashboard.watch import Watch

    shown = found

    def reload() -> "Deployment | None":
        nonlocal shown
        now = DeployedStack.read(chosen)
        if now.same_as(shown):
            return None
        shown = now
        return deployment(now, title)

    console = Console(highlight=False, soft_wrap=True)

    def ready(address: str, once: str) -> None:
        console.print(f"The page is at {address} (for this machine only; Ctrl-C ends it).", markup=False)
        # The address that works once: what a browser is started with, everybody on the machine can see.
        if browser and _has_screen():
            # In a thread: what opens it may wait until the browser ends.
            threading.Thread(target=_open, args=(once,), daemon=True).start()

    try:
        opened = listen(port)
    except PortTaken as error:
        raise UserError(f"{error}. Leave --port out for a free one.", 2) from None
    Serving(Watch(deployment(found, title), reload), opened, ready).serve_until_stopped()


def _has_screen() -> bool:
    """Whether a browser has a window to open; without one, a browser in text would take the terminal."""
    return not sys.platform.startswith("linux") or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")))


def _open(address: str) -> None:
    with contextlib.suppress(webbrowser.Error):
        webbrowser.open(address)


def _export(shown: "Deployment", path: Path, runs: int) -> None:
    from pnodes.dashboard.report import build_report, write

    console = Console(highlight=False, soft_wrap=True)
    if path.is_dir() or not path.parent.is_dir():
        raise UserError(f"--export: expected the name of a file in a folder that exists, got {path}.", 2)
    with console.status("Asking the clouds and Numerai ..."):
        document, problems = build_report(shown, runs)
    try:
        write(path, document)
    except OSError as error:
        raise UserError(f"{path} cannot be written ({error.strerror}).") from None
    console.print(f"{path}: {len(document.encode()) // 1024 + 1} KiB, all in one file.", markup=False)
    for sentence in problems:
        Console(stderr=True, highlight=False, soft_wrap=True).print(sentence, markup=False)
    if problems:
        raise typer.Exit(1)


def deployment(found: DeployedStack, title: str) -> "Deployment":
    """The stack as the page asks about it."""
    from nodefile import Tournament
    from pnodes.dashboard.deployment import DeployedNode, Deployment
    from providers.numerai.client import Client

    accounts = Accounts(found.configured)
    nodes = {
        name: DeployedNode(
            name, node.facts.cloud, node.facts.region, node.size, node.tournament, node.model_id, node.console,
            found.settings.get(name),
        )
        for name, node in found.nodes.items()
    }  # fmt: skip
    return Deployment(
        title=title,
        nodes=nodes,
        operations=lambda name: accounts.of(found.nodes[name].facts),
        submissions=lambda name: found.numerai(found.nodes[name].account).submissions(found.nodes[name].model_id),
        current_round=lambda name: Client().current_round(Tournament(name).number),
        rounds=lambda name: Client().rounds(Tournament(name).number),
        secrets=found.secrets(),
    )
