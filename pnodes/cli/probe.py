"""`pnodes test`: has Numerai fire the webhook of each node, and reports every step up to the submission."""

import json
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console

from pnodes.cli.options import AsJson, StackOption, complete_node
from pnodes.cli.status import run_as_json
from pnodes.deployed.accounts import Accounts
from pnodes.deployed.check import STEPS, Check, Result
from pnodes.deployed.stack import DeployedStack, StackNode
from pnodes.errors import UserError
from pnodes.wording import duration
from providers import webhook_url
from providers.operations import OperationsError
from providers.refusal import Refusal


class _Interrupted(Exception):
    """The user has interrupted the test."""


def probe(
    nodes: Annotated[
        list[str],
        typer.Argument(autocompletion=complete_node, metavar="NODE...", help="Names of the nodes.", show_default=False),
    ],
    timeout: Annotated[int, typer.Option(min=1, help="Time limit per node, in seconds.")] = 1800,
    stack: StackOption = None,
    as_json: AsJson = False,
) -> None:
    """Have Numerai fire the webhook, and follow the run: webhook reached, job scheduled, container started, submission
    carries the trigger id. If a step fails, shows the reason and the last lines of the log.

    This is a real run; its submission counts like any other. Exits with 0 only if every step of every node passed.
    """
    deployed = DeployedStack.read(stack)
    selected = [deployed.node(name) for name in dict.fromkeys(nodes)]
    for node in selected:
        if node.rescues:
            raise UserError(f"{node.name} has no webhook to test; `pnodes trigger {node.name}` starts its job.", 2)
    # With --json, progress goes to standard error.
    console = Console(stderr=as_json, highlight=False, soft_wrap=True)
    results = _test_all(deployed, selected, float(timeout), console)
    if as_json:
        print(json.dumps({"nodes": [_document(result) for result in results]}, indent=2))
    else:
        _show(console, results)
    if not all(result.passed for result in results):
        raise typer.Exit(1)


def _test_all(stack: DeployedStack, nodes: Sequence[StackNode], timeout: float, console: Console) -> list[Result]:
    accounts, interrupted = Accounts(stack), threading.Event()

    def pause(seconds: float) -> None:
        if interrupted.wait(seconds):
            raise _Interrupted

    def test(node: StackNode) -> Result:
        try:
            check = Check(
                node=node.name,
                model_id=node.model_id,
                webhook=node.webhook,
                cloud=accounts.of(node),
                numerai=stack.numerai(node),
                health=check_health,
                timeout=timeout,
                report=lambda text: console.print(f"{node.name}: {text}", markup=False),
                pause=pause,
            )
            return check.perform()
        except (OperationsError, Refusal) as error:
            return Result(node.name, stopped=str(error))

    with ThreadPoolExecutor(max(1, len(nodes))) as pool, console.status("Numerai, the trigger, the job ..."):
        try:
            return list(pool.map(test, nodes))
        except KeyboardInterrupt:
            interrupted.set()
            console.print("Interrupted. Jobs that have started keep running; `pnodes stop NODE` stops one.")
            raise typer.Exit(130) from None


def check_health(webhook: str) -> str:
    """Return the problem with the trigger behind a webhook, or an empty string if it answers."""
    address = webhook_url.build_trigger_url(webhook, "/health")
    try:
        answer = httpx.get(address, timeout=60)
    except httpx.HTTPError as error:
        return f"no answer from {address} ({type(error).__name__})"
    return "" if answer.status_code == 200 else f"{address} answered HTTP {answer.status_code}, expected 200"


def _show(console: Console, results: Sequence[Result]) -> None:
    for result in results:
        console.print()
        if result.passed:
            console.print(f"[bold green]passed[/] {result.node}: all {len(STEPS)} steps in {duration(result.seconds)}")
            continue
        step = result.last_step
        console.print(f"[bold red]stopped[/] {result.node} at step {step + 1} of {len(STEPS)}, {STEPS[step]}")
        console.print(f"  {result.stopped}", markup=False)
        if result.log:
            console.print(f"  The last lines of the {'job' if result.run else 'trigger'}'s log:")
        for line in result.log:
            console.print(f"    {line}", markup=False)


def _document(result: Result) -> dict[str, Any]:
    return {
        "name": result.node,
        "passed": result.passed,
        "trigger_id": result.trigger_id or None,
        "steps": [{"step": name, "passed": number < len(result.steps)} for number, name in enumerate(STEPS)],
        "stopped": result.stopped or None,
        "run": run_as_json(result.run) if result.run else None,
        "log": result.log,
        "seconds": round(result.seconds, 1),
    }
