"""`pnodes trigger`: starts a job of a node now, through its own trigger, as its schedule does."""

import json
from typing import Annotated

import typer
from rich.console import Console

from pnodes.cli.options import AsJson, StackOption, complete_node
from pnodes.deployed.stack import DeployedStack
from pnodes.deployed.start import start


def trigger(
    node: Annotated[str, typer.Argument(autocompletion=complete_node, metavar="NODE", help="Name of the node.")],
    stack: StackOption = None,
    as_json: AsJson = False,
) -> None:
    """Start a job of the node now, through its own trigger, as its schedule does.

    Its submission counts like any other. The run has no trigger id, since only Numerai issues them. To run a node with
    a trigger id, use `pnodes test`, which has Numerai fire the webhook.
    """
    answer = start(DeployedStack.read(stack).node(node))
    job = str(answer.get("job") or "").rsplit("/", 1)[-1]
    if as_json:
        print(json.dumps({"node": node, "status": answer.get("status"), "job": job, "run": answer.get("run")}))
        return
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{node}: {answer.get('status')}{', job ' + job if job else ''}", markup=False)
    console.print(f"Follow it with `pnodes logs {node} --follow`, stop it with `pnodes stop {node}`.", markup=False)
