"""`pnodes history`: shows what became of each node's last rounds."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from rich.console import Console

from pnodes.cli.options import AsJson, StackOption, complete_node
from pnodes.cli.tables import table, wide_console
from pnodes.deployed.history import (
    RoundRecord,
    describe_availability,
    describe_result,
    fetch_history,
    rate_availability,
)
from pnodes.deployed.stack import DeployedStack, StackNode
from pnodes.wording import moment, stamp
from providers.operations import OperationsError

_AT_ONCE = 8
_History = tuple[list[RoundRecord], OperationsError | None]


def history(
    nodes: Annotated[
        list[str] | None,
        typer.Argument(autocompletion=complete_node, help="Names of nodes; by default all.", show_default=False),
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=90, help="How many days to look back.")] = 90,
    stack: StackOption = None,
    as_json: AsJson = False,
) -> None:
    """Show what became of each round: who started its run, how often it was repeated, and whether it was submitted.

    A round that the node's rescue has submitted is `rescued`, with the reason.

    The availability is the share of the rounds whose submission was in time. Rounds without a result do not count: they
    are still open, or the node was not watched (`watch: false`).

    Exits with 1 if a trigger could not be queried; the others are still shown.
    """
    deployed = DeployedStack.read(stack)
    # The rounds of rescues are among those of their nodes.
    names = nodes or [node.name for node in deployed.nodes.values() if not node.rescues]
    selected = [deployed.node(name) for name in dict.fromkeys(names)]
    since = datetime.now(UTC) - timedelta(days=days)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = list(pool.map(lambda node: _fetch(node, since), selected))
    if as_json:
        print(json.dumps({"nodes": [_document(*pair) for pair in zip(selected, answers, strict=True)]}, indent=2))
    else:
        _show(selected, answers)
    if any(problem for _, problem in answers):
        raise typer.Exit(1)


def _fetch(node: StackNode, since: datetime) -> _History:
    rounds, problem = fetch_history(node)
    return [round_ for round_ in rounds if round_.at is None or round_.at >= since], problem


def _show(nodes: Sequence[StackNode], answers: Sequence[_History]) -> None:
    console, errors = wide_console(), Console(stderr=True, highlight=False, soft_wrap=True)
    is_first = True
    for node, (rounds, problem) in zip(nodes, answers, strict=True):
        if problem:
            errors.print(f"{node.name}: {problem}", markup=False)
        if problem and not rounds:
            continue
        if not is_first:
            console.print()
        is_first = False
        console.print(f"{node.name}: {describe_availability(rounds)}", markup=False)
        if rounds:
            console.print(table(["round", "called", "started by", "repeats", "result"], map(_row, rounds)))


def _row(round_: RoundRecord) -> list[str]:
    called, repeats = moment(round_.called), str(round_.repeats or "")
    return [str(round_.number), called, round_.started_by or "-", repeats, describe_result(round_)]


def _document(node: StackNode, history: _History) -> dict[str, Any]:
    rounds, problem = history
    return {
        "name": node.name,
        "availability": rate_availability(rounds),
        "rounds": [
            {
                "round": round_.number,
                "outcome": str(round_.outcome),
                "reason": round_.reason,
                "called": stamp(round_.called) if round_.called else None,
                "started_by": round_.started_by or None,
                "repeats": round_.repeats,
                "ended": stamp(round_.ended) if round_.ended else None,
                "runs": [
                    {"id": run.id, "state": run.state, "reason": run.reason, "seconds": run.seconds}
                    for run in round_.runs
                ],
            }
            for round_ in rounds
        ],
        "problem": str(problem) if problem else None,
    }
