"""`pnodes test`: Numerai fires the webhook of each node, and every step to the submission is watched and told."""

import json
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console

from pnodes.cli.options import AsJson, StackOption
from pnodes.cli.status import described
from pnodes.deployed.accounts import Accounts
from pnodes.deployed.check import STEPS, Check, Result
from pnodes.deployed.stack import DeployedStack, StackNode
from pnodes.wording import duration
from providers import webhook_url
from providers.operations import OperationsError
from providers.refusal import Refusal


class _Interrupted(Exception):
    """The person wants no more."""


def probe(
    nodes: Annotated[list[str], typer.Argument(metavar="NODE...", help="The nodes' names.", show_default=False)],
    timeout: Annotated[int, typer.Option(min=1, help="Seconds that a node's test may take.")] = 1800,
    stack: StackOption = None,
    as_json: AsJson = False,
) -> None:
    """Ask Numerai to fire the webhook, then follow it: webhook reached, job scheduled, container started, submission
    carries the trigger id. Says at which step it stopped, why, and shows the log's last lines.

    It is a real run, whose submission counts like any other. Exit code 0 only when every step of every node passed.
    """
    found = DeployedStack.read(stack)
    chosen = [found.node(name) for name in dict.fromkeys(nodes)]
    # Results are for standard output, what happens meanwhile for the person who waits.
    console = Console(stderr=as_json, highlight=False, soft_wrap=True)
    results = _results(found, chosen, float(timeout), console)
    if as_json:
        print(json.dumps({"nodes": [_document(each) for each in results]}, indent=2))
    else:
        _show(console, results)
    if not all(each.passed for each in results):
        raise typer.Exit(1)


def _results(stack: DeployedStack, nodes: Sequence[StackNode], timeout: float, console: Console) -> list[Result]:
    accounts, over = Accounts(stack.configured), threading.Event()

    def pause(seconds: float) -> None:
        if over.wait(seconds):
            raise _Interrupted

    def one(node: StackNode) -> Result:
        try:
            check = Check(
                node=node.name,
                model_id=node.model_id,
                webhook=node.webhook,
                cloud=accounts.of(node.facts),
                numerai=stack.numerai(node.account),
                health=health,
                timeout=timeout,
                report=lambda text: console.print(f"{node.name}: {text}", markup=False),
                pause=pause,
            )
            return check.perform()
        except (OperationsError, Refusal) as error:
            return Result(node.name, stopped=str(error))

    with ThreadPoolExecutor(max(1, len(nodes))) as pool, console.status("Numerai, the trigger, the job ..."):
        try:
            return list(pool.map(one, nodes))
        except KeyboardInterrupt:
            over.set()
            console.print("Not watched any longer; jobs that were started run on (`pnodes stop NODE` ends one).")
            raise typer.Exit(130) from None


def health(webhook: str) -> str:
    """What is wrong with the trigger behind a webhook; nothing when it answers."""
    address = webhook_url.build_trigger_url(webhook, "/health")
    try:
        answer = httpx.get(address, timeout=60)
    except httpx.HTTPError as error:
        return f"no answer from {address} ({type(error).__name__})"
    return "" if answer.status_code == 200 else f"{address} answers HTTP {answer.status_code} instead of 200"


def _show(console: Console, results: Sequence[Result]) -> None:
    for each in results:
        console.print()
        if each.passed:
            console.print(f"[bold green]passed[/] {each.node}: all {len(STEPS)} steps in {duration(each.seconds)}")
            continue
        step = STEPS[len(each.steps)]
        console.print(f"[bold red]stopped[/] {each.node} at step {len(each.steps) + 1} of {len(STEPS)}, {step}")
        console.print(f"  {each.stopped}", markup=False)
        if each.log:
            console.print(f"  The last lines of the {'job' if each.run else 'trigger'}'s log:")
        for line in each.log:
            console.print(f"    {line}", markup=False)


def _document(result: Result) -> dict[str, Any]:
    return {
        "name": result.node,
        "passed": result.passed,
        "trigger_id": result.trigger_id or None,
        "steps": [{"step": name, "passed": number < len(result.steps)} for number, name in enumerate(STEPS)],
        "stopped": result.stopped or None,
        "run": described(result.run) if result.run else None,
        "log": result.log,
        "seconds": round(result.seconds, 1),
    }
