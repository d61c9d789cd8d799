"""`pnodes logs`: what a node's container printed, or what its trigger did with each call; from whichever cloud."""

import json
from collections.abc import Iterable
from typing import Annotated

import typer
from rich.console import Console

from pnodes.cli.options import StackOption
from pnodes.deployed.accounts import Accounts
from pnodes.deployed.stack import DeployedStack
from pnodes.errors import UserError
from pnodes.wording import duration, moment, stamp
from providers.operations import LogLine, NodeOperations, Run, State
from trigger.log_line import shown


def logs(
    node: Annotated[str, typer.Argument(metavar="NODE", help="The node's name.")],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the run has ended.")] = False,
    trigger: Annotated[
        bool, typer.Option("--trigger", help="The trigger's log: each call of the webhook, and what came of it.")
    ] = False,
    run: Annotated[str | None, typer.Option(help="A run's id, or how it begins; the newest when left out.")] = None,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many of the last lines.")] = 200,
    times: Annotated[bool, typer.Option("--times", help="Each line's time before it.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line: time and text.")] = False,
    stack: StackOption = None,
) -> None:
    """Print the log of a node's newest run, or of its trigger. On Azure lines take some minutes to arrive.

    Exit code 1 when the run that is shown failed.
    """
    if trigger and run is not None:
        raise UserError("--trigger shows all calls; leave --run out.", 2)
    found = DeployedStack.read(stack)
    chosen = found.node(node)
    cloud = Accounts(found.configured).of(chosen.facts)
    try:
        if trigger:
            source = cloud.follow_trigger(lines) if follow else iter(cloud.trigger_log(limit=lines))
            _print(source, times, as_json, of_trigger=True)
            return
        shown_run = pick(cloud, node, run)
        if not as_json:
            _headline(shown_run)
        source = cloud.follow(shown_run, lines) if follow else iter(cloud.log(shown_run, limit=lines))
        some = _print(source, times, as_json)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    ended = cloud.run(shown_run.id)
    if not as_json:
        _footer(ended, some)
    if ended.state is State.FAILED:
        raise typer.Exit(1)


def pick(cloud: NodeOperations, node: str, beginning: str | None) -> Run:
    """The run that is meant. Raises UserError."""
    runs = cloud.runs(limit=1 if beginning is None else 50)
    if not runs:
        raise UserError(f"{node} has not run yet, or so long ago that its cloud has forgotten it. Try `pnodes test`.")
    if beginning is None:
        return runs[0]
    found = [each for each in runs if each.id.startswith(beginning)]
    if len(found) != 1:
        count = "No run" if not found else "More than one run"
        raise UserError(f"{count} of {node} has an id that begins with {beginning!r}. The newest is {runs[0].id}.", 2)
    return found[0]


def _print(source: Iterable[LogLine], times: bool, as_json: bool, of_trigger: bool = False) -> bool:
    """Prints each line as it comes; whether there was one."""
    some = False
    for line in source:
        some = True
        if as_json:
            print(json.dumps({"time": stamp(line.time), "text": line.text}), flush=True)
            continue
        text = shown(line.text) if of_trigger else line.text
        # Written as it is: a container's own colours and brackets are its own.
        print(f"{moment(line.time)}  {text}" if times or of_trigger else text, flush=True)
    return some


def _headline(run: Run) -> None:
    _say(f"{run.id}, {moment(run.created)}")


def _footer(run: Run, some: bool) -> None:
    if not some:
        _say(
            "Nothing was printed yet." if not run.state.ended else "It printed nothing, or its lines are on their way."
        )
    took = f" after {duration(run.seconds)}" if run.state.ended and run.seconds is not None else ""
    _say(f"{run.state}{took}{': ' + run.reason if run.reason else ''}")


def _say(text: str) -> None:
    """Beside the log, not in it: standard output holds the container's lines alone."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(text, markup=False, style="dim")
