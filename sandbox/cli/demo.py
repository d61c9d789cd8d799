"""`pnodes demo`: the whole story on one machine, told by its exit code.

The real engine deploys nodes.yaml to the sandbox's three clouds, a round opens at its Numerai, the webhooks start the
jobs, the jobs submit. It ends with a table, and with 0 only if each node's submission carries its call's trigger id.
"""

import os
import time
from typing import Annotated, Any

import typer
from rich.console import Console

from pnodes import project
from pnodes.cli.tables import wide_console
from pnodes.engine import ensure
from pnodes.errors import UserError
from pnodes.pulumi import Pulumi, stack_option
from sandbox.cli import process as sandbox_process
from sandbox.cli import shell as sandbox_shell
from sandbox.cli.control import Control, Trigger
from sandbox.cli.report import Outcome, how_jobs_run, outcomes, result_table
from sandbox.place import STACK, sandbox_home

_POLL_SECONDS = 0.5
_LATE_SECONDS = 15.0
_STEPS = 5


def demo(
    keep: Annotated[
        bool, typer.Option("--keep", help="Go on with the sandbox's state instead of starting from nothing.")
    ] = False,
    timeout: Annotated[int, typer.Option(help="Seconds to wait for the jobs.")] = 900,
) -> None:
    """Deploy nodes.yaml to the sandbox, open a round, and show what each node submitted."""
    console = wide_console()
    began = time.monotonic()
    console.print(
        "This deploys the nodes of nodes.yaml with the real Pulumi engine to three clouds in a sandbox on this"
    )
    console.print("machine, opens a round at the sandbox's Numerai and waits for the submissions: about two minutes.")
    engine = ensure(lambda line: console.print(line, markup=False))
    home = sandbox_home()
    _step(console, 1, f"Starting the sandbox in {home}" + ("" if keep else ", from nothing") + " (5 seconds)")
    if not keep:
        sandbox_process.stop(home)
        sandbox_process.wipe(home)
    daemon = sandbox_process.start(home)
    try:
        pulumi = Pulumi(engine, project.project_folder(), sandbox_shell.environment(daemon, engine.bin))
        pulumi.read("stack", "select", "--create", STACK)
        with Control(daemon.control) as control:
            console.print(how_jobs_run(control.status()), markup=False)
            found = _story(console, pulumi, control, timeout)
            passed = all(outcome.ok for outcome in found)
            console.print()
            console.print(result_table(found))
            console.print()
            for outcome in found:
                if not outcome.ok:
                    _explain(console, control, outcome)
    finally:
        if _in_ci():
            sandbox_process.stop(home)
    if not passed:
        failed = ", ".join(outcome.node for outcome in found if not outcome.ok)
        raise UserError(f"no submission with the right trigger id, or a failed job, on: {failed}.")
    console.print(
        f"[bold green]All {len(found)} nodes submitted[/], each with the trigger id of its call "
        f"({time.monotonic() - began:.0f} s in all)."
    )
    if not _in_ci():
        _next(console)


def _story(console: Console, pulumi: Pulumi, control: Control, timeout: float) -> list[Outcome]:
    """Preview, up, the round, the wait; what each node came to."""
    _step(console, 2, "pulumi preview: what would be made (10 seconds)")
    pulumi.show("preview", "--non-interactive", *stack_option(STACK))
    _step(console, 3, "pulumi up: making it (30 seconds; minutes the first time that images are built in containers)")
    pulumi.show("up", "--yes", "--skip-preview", "--non-interactive", *stack_option(STACK))
    outputs = pulumi.read_json("stack", "output", "--json", "--show-secrets", *stack_option(STACK))
    nodes: dict[str, dict[str, Any]] = outputs["nodes"]
    webhooks: dict[str, str] = outputs["webhooks"]
    if not nodes:
        raise UserError("There is no node in nodes.yaml, so there is nothing to show. Add one and try again.")
    _step(console, 4, "A round opens: Numerai calls the webhook of each model")
    number, triggers = control.open_round()
    console.print(f"Round {number} is open.")
    mine = {facts["model_id"]: name for name, facts in nodes.items()}
    for call in triggers:
        if call.model_id in mine:
            console.print(
                f"  {mine[call.model_id]}: {call.status} in {call.seconds:.2f} s  {call.answer}", markup=False
            )
    _step(console, 5, "The jobs run: each builds its model's environment once, predicts and submits (1 minute)")
    return _wait(console, control, nodes, webhooks, triggers, timeout)


def _wait(
    console: Console,
    control: Control,
    nodes: dict[str, dict[str, Any]],
    webhooks: dict[str, str],
    triggers: list[Trigger],
    timeout: float,
) -> list[Outcome]:
    """Watches the jobs until nothing more can happen, and tells each change of a job's state."""
    deadline = time.monotonic() + timeout
    seen: dict[str, str] = {}
    ended: dict[str, float] = {}
    while True:
        found = outcomes(nodes, webhooks, triggers, control.runs(), control.submissions())
        now = time.monotonic()
        for outcome in found:
            state = outcome.state + (", submitted" if outcome.submission else "")
            if seen.get(outcome.node) != state:
                seen[outcome.node] = state
                console.print(f"  {outcome.node}: {state}", markup=False)
            if outcome.run and outcome.run.ended:
                ended.setdefault(outcome.node, now)
        late = {node for node, moment in ended.items() if now - moment > _LATE_SECONDS}
        if all(outcome.settled or outcome.node in late for outcome in found) or now > deadline:
            return found
        time.sleep(_POLL_SECONDS)


def _explain(console: Console, control: Control, outcome: Outcome) -> None:
    """Why a node did not submit: the end of its job's log, or the webhook's answer."""
    console.print(f"[bold red]{outcome.node}[/] ({outcome.cloud}): {outcome.state}")
    if outcome.run is not None:
        reason = outcome.run.reason or "no reason given"
        console.print(f"  {reason}; the job's last lines:", markup=False)
        lines = control.log(outcome.run.run_id).splitlines()[-25:]
    elif outcome.trigger is not None:
        lines = [outcome.trigger.answer]
    else:
        lines = ["Numerai called no webhook of this model."]
    for line in lines:
        console.print(f"    {line}", markup=False)


def _next(console: Console) -> None:
    console.print("\nThe sandbox goes on running. What to try next:")
    for what, why in (
        (sandbox_shell.hint(), "a shell in which `pulumi` works against the sandbox"),
        ("$EDITOR nodes.yaml && pulumi up", "add, resize, move to another cloud or remove a node"),
        ("pnodes sandbox open-round", "let Numerai call the webhooks again"),
        ("pulumi stack output webhooks --show-secrets", "the webhooks, with their tokens"),
        ("pulumi destroy", "remove everything"),
        ("pnodes sandbox stop", "stop the sandbox"),
    ):
        console.print(f"  {what:<46}# {why}", markup=False)


def _step(console: Console, number: int, what: str) -> None:
    console.print(f"\n[bold]{number}/{_STEPS}[/] {what}")


def _in_ci() -> bool:
    return os.environ.get("CI", "").lower() not in ("", "0", "false")
