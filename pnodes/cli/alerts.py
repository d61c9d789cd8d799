"""`pnodes alerts`: tests the alerts of deployed nodes."""

import json
from typing import Annotated

import typer
from rich.console import Console

from pnodes.cli.options import AsJson, StackOption, complete_node
from pnodes.deployed.alerts import send_test
from pnodes.deployed.stack import DeployedStack, StackNode
from pnodes.errors import Group
from providers.operations import OperationsError

app = typer.Typer(
    help="Test the alerts of deployed nodes.", cls=Group, no_args_is_help=True, pretty_exceptions_enable=False
)


@app.callback()
def alerts() -> None:
    """Test the alerts of deployed nodes."""


@app.command("test")
def send(
    nodes: Annotated[
        list[str] | None,
        typer.Argument(autocompletion=complete_node, help="Names of nodes; by default all.", show_default=False),
    ] = None,
    stack: StackOption = None,
    as_json: AsJson = False,
) -> None:
    """Send a test message on each channel of the nodes' alerts, through their deployed triggers.

    "sent" means that the chat, or the cloud's e-mail service, has accepted the message.

    Exits with 1 if a message could not be sent.
    """
    deployed = DeployedStack.read(stack)
    selected = [deployed.node(name) for name in dict.fromkeys(nodes or deployed.nodes)]
    results = {node.name: _send_test(node) for node in selected}
    if as_json:
        print(json.dumps({"nodes": [{"name": name, "channels": result} for name, result in results.items()]}, indent=2))
    else:
        console = Console(highlight=False, soft_wrap=True)
        for name, result in results.items():
            for channel, outcome in result.items():
                console.print(f"{name}: {channel} {outcome}", markup=False)
    if any(outcome != "sent" for result in results.values() for outcome in result.values()):
        raise typer.Exit(1)


def _send_test(node: StackNode) -> dict[str, str]:
    try:
        return send_test(node)
    except OperationsError as error:
        return {"trigger": str(error)}
