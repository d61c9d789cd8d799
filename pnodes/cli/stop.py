"""`pnodes stop`: stops a node's job on any cloud, and waits until it has ended."""

import json
import time
from typing import Annotated

import typer
from rich.console import Console

from pnodes.cli.options import AsJson, StackOption, complete_node
from pnodes.cli.status import run_as_json
from pnodes.deployed.accounts import Accounts
from pnodes.deployed.stack import DeployedStack
from pnodes.errors import UserError
from pnodes.wording import moment
from providers.operations import NodeOperations, Run


def stop(
    node: Annotated[str, typer.Argument(autocompletion=complete_node, metavar="NODE", help="Name of the node.")],
    run: Annotated[str | None, typer.Option(help="Id of the run, or its beginning.")] = None,
    stop_all: Annotated[bool, typer.Option("--all", help="Stop all runs of the node.")] = False,
    timeout: Annotated[int, typer.Option(min=0, help="Seconds to wait for the end of the job.")] = 300,
    stack: StackOption = None,
    as_json: AsJson = False,
) -> None:
    """Cancel a node's running job. Submissions that it has already made remain.

    Exits with 1 if no job is running, or if a job does not end in time.
    """
    deployed = DeployedStack.read(stack)
    cloud = Accounts(deployed).of(deployed.node(node))
    active = [listed for listed in cloud.runs(limit=50) if not listed.state.ended]
    console = Console(stderr=as_json, highlight=False, soft_wrap=True)
    stopped = []
    for job in _select(node, active, run, stop_all):
        cloud.stop(job)
        console.print(f"{node}: stopping {job.id}", markup=False)
        with console.status(f"Waiting for the end of {job.id} ..."):
            stopped.append(_wait(cloud, job, timeout))
    if as_json:
        print(json.dumps({"node": node, "runs": [run_as_json(job) for job in stopped]}, indent=2))
    else:
        for job in stopped:
            console.print(f"{node}: {job.id} is {job.state}", markup=False)
    late = [job.id for job in stopped if not job.state.ended]
    if late:
        raise UserError(f"{', '.join(late)} did not end within {timeout} s; check `pnodes status` later.")


def _select(node: str, active: list[Run], prefix: str | None, stop_all: bool) -> list[Run]:
    """Return the runs to stop. Raises UserError."""
    if not active:
        raise UserError(f"No run of {node} is active.")
    selected = [run for run in active if run.id.startswith(prefix or "")]
    if not selected:
        raise UserError(f"No active run of {node} has an id that begins with {prefix!r}.", 2)
    if len(selected) > 1 and not stop_all:
        choices = ", ".join(f"{run.id} ({run.state}, since {moment(run.created)})" for run in selected)
        raise UserError(f"{len(selected)} runs of {node} are active: {choices}. Name one with --run, or use --all.", 2)
    return selected


def _wait(cloud: NodeOperations, run: Run, timeout: float) -> Run:
    deadline = time.monotonic() + timeout
    while True:
        run = cloud.run(run.id)
        if run.state.ended or time.monotonic() > deadline:
            return run
        time.sleep(cloud.poll_seconds)
