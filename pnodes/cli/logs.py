"""`pnodes logs`: prints the log of a node's container or of its trigger, from any cloud."""

import json
from collections.abc import Iterable
from typing import Annotated

import typer
from rich.console import Console

from pnodes.cli.options import StackOption, complete_node
from pnodes.deployed.accounts import Accounts
from pnodes.deployed.stack import DeployedStack
from pnodes.errors import UserError
from pnodes.wording import duration, moment, stamp
from providers.operations import LogLine, NodeOperations, Run, State
from trigger.log_line import format_line


def logs(
    node: Annotated[str, typer.Argument(autocompletion=complete_node, metavar="NODE", help="The node's name.")],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Follow the log until the run ends.")] = False,
    trigger: Annotated[
        bool, typer.Option("--trigger", help="Print the trigger's log: each call of the webhook and its result.")
    ] = False,
    run: Annotated[str | None, typer.Option(help="Id of a run, or its beginning; by default the newest run.")] = None,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="Number of lines from the end.")] = 200,
    times: Annotated[bool, typer.Option("--times", help="Prefix each line with its time.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object per line, with time and text.")] = False,
    stack: StackOption = None,
) -> None:
    """Print the log of a node's newest run, or of its trigger. On Azure, lines take a few minutes to arrive.

    Exits with 1 if the run failed.
    """
    if trigger and run is not None:
        raise UserError("--trigger shows all calls; omit --run.", 2)
    deployed = DeployedStack.read(stack)
    cloud = Accounts(deployed).of(deployed.node(node))
    try:
        if trigger:
            source = cloud.follow_trigger(lines) if follow else iter(cloud.trigger_log(limit=lines))
            _print(source, times, as_json, of_trigger=True)
            return
        selected = select_run(cloud, node, run)
        if not as_json:
            _print_remark(f"{selected.id}, {moment(selected.created)}")
        source = cloud.follow(selected, lines) if follow else iter(cloud.log(selected, limit=lines))
        has_lines = _print(source, times, as_json)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    ended = cloud.run(selected.id)
    if not as_json:
        _print_footer(ended, has_lines)
    if ended.state is State.FAILED:
        raise typer.Exit(1)


def select_run(cloud: NodeOperations, node: str, prefix: str | None) -> Run:
    """Return the run whose id begins with `prefix`, or the newest run. Raises UserError."""
    runs = cloud.runs(limit=1 if prefix is None else 50)
    if not runs:
        raise UserError(f"{node} has not run yet, or its cloud no longer lists the run. Try `pnodes test {node}`.")
    if prefix is None:
        return runs[0]
    matches = [run for run in runs if run.id.startswith(prefix)]
    if len(matches) != 1:
        count = "No run" if not matches else "More than one run"
        raise UserError(f"{count} of {node} has an id that begins with {prefix!r}. The newest is {runs[0].id}.", 2)
    return matches[0]


def _print(source: Iterable[LogLine], times: bool, as_json: bool, of_trigger: bool = False) -> bool:
    """Print each line as it arrives. Return whether there were any lines."""
    has_lines = False
    for line in source:
        has_lines = True
        if as_json:
            print(json.dumps({"time": stamp(line.time), "text": line.text}), flush=True)
            continue
        text = format_line(line.text) if of_trigger else line.text
        # Printed unchanged, including the container's own colours and brackets.
        print(f"{moment(line.time)}  {text}" if times or of_trigger else text, flush=True)
    return has_lines


def _print_footer(run: Run, has_lines: bool) -> None:
    if not has_lines:
        _print_remark("No output yet." if not run.state.ended else "The run printed nothing, or its log is late.")
    took = f" after {duration(run.seconds)}" if run.state.ended and run.seconds is not None else ""
    _print_remark(f"{run.state}{took}{': ' + run.reason if run.reason else ''}")


def _print_remark(text: str) -> None:
    """Print to standard error: standard output contains only the lines of the log."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(text, markup=False, style="dim")
