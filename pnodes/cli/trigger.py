"""`pnodes trigger`: a job now, by the node's own trigger, as its schedule would start one."""

import json
from typing import Annotated

import typer
from rich.console import Console

from pnodes.cli.options import AsJson, StackOption
from pnodes.deployed.stack import DeployedStack
from pnodes.deployed.start import start


def trigger(
    node: Annotated[str, typer.Argument(metavar="NODE", help="The node's name.")],
    stack: StackOption = None,
    as_json: AsJson = False,
) -> None:
    """Start a job of the node now, by its own trigger, as its schedule would.

    The run has no trigger id: only Numerai makes those, and one made up here would go to Numerai with the submission.
    What it submits counts like any other. `pnodes test` has Numerai fire the webhook instead, with an id of its own.
    """
    answer = start(DeployedStack.read(stack).node(node))
    job = str(answer.get("job") or "").rsplit("/", 1)[-1]
    if as_json:
        print(json.dumps({"node": node, "status": answer.get("status"), "job": job, "run": answer.get("run")}))
        return
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{node}: {answer.get('status')}{', job ' + job if job else ''}", markup=False)
    console.print(f"Follow it with `pnodes logs {node} --follow`, end it with `pnodes stop {node}`.", markup=False)
