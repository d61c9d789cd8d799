"""`pnodes stop`: ends a node's job, wherever it is, and waits until its cloud says so."""

import json
import time
from typing import Annotated

import typer
from rich.console import Console

from pnodes.cli.options import AsJson, StackOption
from pnodes.cli.status import described
from pnodes.deployed.accounts import Accounts
from pnodes.deployed.stack import DeployedStack
from pnodes.errors import UserError
from pnodes.wording import moment
from providers.operations import NodeOperations, Run


def stop(
    node: Annotated[str, typer.Argument(metavar="NODE", help="The node's name.")],
    run: Annotated[str | None, typer.Option(help="Which run, by its id or how it begins.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All runs of the node that are under way.")] = False,
    timeout: Annotated[int, typer.Option(min=0, help="Seconds to wait for the end.")] = 300,
    stack: StackOption = None,
    as_json: AsJson = False,
) -> None:
    """Cancel a node's running job. What it has submitted already stays submitted.

    Exit code 1 when there is none under way, or it has not ended in time.
    """
    found = DeployedStack.read(stack)
    chosen = found.node(node)
    cloud = Accounts(found.configured).of(chosen.facts)
    under_way = [each for each in cloud.runs(limit=50) if not each.state.ended]
    console = Console(stderr=as_json, highlight=False, soft_wrap=True)
    ended = []
    for each in _meant(node, under_way, run, every):
        cloud.stop(each)
        console.print(f"{node}: told {each.id} to stop", markup=False)
        with console.status(f"Waiting for the end of {each.id} ..."):
            ended.append(_wait(cloud, each, timeout))
    if as_json:
        print(json.dumps({"node": node, "runs": [described(each) for each in ended]}, indent=2))
    else:
        for each in ended:
            console.print(f"{node}: {each.id} is {each.state}", markup=False)
    late = [each.id for each in ended if not each.state.ended]
    if late:
        raise UserError(f"{', '.join(late)} has not ended within {timeout} s; `pnodes status` tells when it has.")


def _meant(node: str, under_way: list[Run], beginning: str | None, every: bool) -> list[Run]:
    """The runs to stop. Raises UserError."""
    if not under_way:
        raise UserError(f"No run of {node} is under way.")
    if beginning is not None:
        found = [each for each in under_way if each.id.startswith(beginning)]
        if not found:
            raise UserError(f"No run of {node} that is under way has an id that begins with {beginning!r}.", 2)
    else:
        found = under_way
    if len(found) > 1 and not every:
        listed = ", ".join(f"{each.id} ({each.state}, since {moment(each.created)})" for each in found)
        raise UserError(f"{len(found)} runs of {node} are under way: {listed}. Name one with --run, or use --all.", 2)
    return found


def _wait(cloud: NodeOperations, run: Run, timeout: float) -> Run:
    deadline = time.monotonic() + timeout
    while True:
        run = cloud.run(run.id)
        if run.state.ended or time.monotonic() > deadline:
            return run
        time.sleep(cloud.poll_seconds)
