"""`pnodes demo`: a deployment and a round on one machine.

The real engine deploys nodes.yaml to the sandbox's three clouds. A round opens at the sandbox's Numerai, which calls
the webhooks; these start the jobs, which submit. A table shows the outcome. Then a webhook is lost, a job crashes and a
cloud is down, and the rounds are submitted all the same. The exit code is 0 only if each node's submission has the
trigger id of its webhook call, and nothing was missed.
"""

import os
import sys
import time
from pathlib import Path
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
from sandbox.cli.hardship import HARD_STACK, TITLE, show_hardship
from sandbox.cli.report import Outcome, build_result_table, describe_executor, mask_token, match_outcomes
from sandbox.place import STACK, sandbox_home

_POLL_SECONDS = 0.5
_LATE_SECONDS = 15.0
_STEPS = 6


def demo(
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the sandbox's state instead of starting with an empty sandbox.")
    ] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Empty an existing sandbox without asking.")] = False,
    timeout: Annotated[int, typer.Option(help="Seconds to wait for the jobs.")] = 900,
) -> None:
    """Deploy nodes.yaml to the sandbox, open a round, and show each node's submission."""
    home = sandbox_home()
    if not keep and home.exists():
        _confirm_wipe(home, fresh or _in_ci())
    console = wide_console()
    began = time.monotonic()
    console.print(
        "The demo deploys the nodes in nodes.yaml to three simulated clouds on this machine, using the real Pulumi"
    )
    console.print("engine. It then opens a round and waits for the submissions. This takes two to three minutes.")
    engine = ensure(lambda line: console.print(line, markup=False))
    sandbox = "the sandbox" if keep else "an empty sandbox"
    _print_step(console, 1, f"Start {sandbox} in {home} (5 seconds)")
    if not keep:
        sandbox_process.stop(home)
        sandbox_process.wipe(home)
    daemon = sandbox_process.start(home)
    try:
        pulumi = Pulumi(engine, project.project_folder(), sandbox_shell.build_environment(daemon, engine.bin))
        pulumi.read("stack", "select", "--create", STACK)
        with Control(daemon.control) as control:
            console.print(describe_executor(control.status()), markup=False)
            outcomes = _deploy_and_open_round(console, pulumi, control, timeout)
            failed = [outcome for outcome in outcomes if not outcome.ok]
            console.print()
            console.print(build_result_table(outcomes))
            console.print()
            for outcome in failed:
                _explain(console, control, outcome)
            if not failed:
                _print_step(console, _STEPS, TITLE)
                own = Pulumi(engine, home / HARD_STACK, pulumi.environ)
                show_hardship(own, control, lambda line: console.print(line, markup=False))
                console.print()
    finally:
        if _in_ci():
            sandbox_process.stop(home)
    if failed:
        names = ", ".join(outcome.node for outcome in failed)
        raise UserError(f"These nodes have a failed job, or no submission with the right trigger id: {names}.")
    console.print(
        f"[bold green]All {len(outcomes)} nodes submitted[/], each with the trigger id of its webhook call "
        f"({time.monotonic() - began:.0f} s in total)."
    )
    if not _in_ci():
        _print_next_steps(console)


def _confirm_wipe(home: Path, fresh: bool) -> None:
    """Ask before the sandbox is emptied, unless `fresh`. Raises UserError without a terminal and during an update."""
    if any((home / "state" / ".pulumi" / "locks").rglob("*.json")):
        raise UserError(
            f"An update of the sandbox's stack is running, so {home} is not emptied. Wait until it has finished; if it "
            "was killed, run `pulumi cancel` in the sandbox's shell."
        )
    if fresh:
        return
    if not sys.stdin.isatty():
        raise UserError(
            f"There already is a sandbox in {home}. `pnodes demo --fresh` empties it, `pnodes demo --keep` keeps it.", 2
        )
    typer.confirm(f"There already is a sandbox in {home}. Delete everything in it?", abort=True)


def _deploy_and_open_round(console: Console, pulumi: Pulumi, control: Control, timeout: float) -> list[Outcome]:
    """Preview and deploy, open a round, and wait for the jobs; return each node's outcome."""
    _print_step(console, 2, "pulumi preview: show the resources that would be created (10 seconds)")
    pulumi.show("preview", "--non-interactive", *stack_option(STACK))
    _print_step(console, 3, "pulumi up: create them (30 seconds; minutes for the first image builds in containers)")
    pulumi.show("up", "--yes", "--skip-preview", "--non-interactive", *stack_option(STACK))
    outputs = pulumi.read_json("stack", "output", "--json", "--show-secrets", *stack_option(STACK))
    nodes: dict[str, dict[str, Any]] = outputs["nodes"]
    webhooks: dict[str, str] = outputs["webhooks"]
    if not nodes:
        raise UserError("nodes.yaml has no nodes to deploy. Add one and try again.")
    _print_step(console, 4, "Open a round: Numerai calls each model's webhook")
    number, triggers = control.open_round()
    console.print(f"Round {number} is open.")
    names = {facts["model_id"]: name for name, facts in nodes.items()}
    for call in triggers:
        if call.model_id in names:
            name = names[call.model_id]
            console.print(f"  {name}: {mask_token(webhooks[name])}", markup=False)
            console.print(f"    answered {call.status} in {call.seconds:.2f} s  {call.answer}", markup=False)
    _print_step(console, 5, "Run the jobs: each sets up its model's environment, predicts and submits (1 minute)")
    return _wait(console, control, nodes, triggers, timeout)


def _wait(
    console: Console,
    control: Control,
    nodes: dict[str, dict[str, Any]],
    triggers: list[Trigger],
    timeout: float,
) -> list[Outcome]:
    """Wait until no outcome can change any more, and print each change of a job's state."""
    deadline = time.monotonic() + timeout
    states: dict[str, str] = {}
    ended: dict[str, float] = {}
    while True:
        outcomes = match_outcomes(nodes, triggers, control.list_runs(), control.list_submissions())
        now = time.monotonic()
        for outcome in outcomes:
            state = outcome.state + (", submitted" if outcome.submission else "")
            if states.get(outcome.node) != state:
                states[outcome.node] = state
                console.print(f"  {outcome.node}: {state}", markup=False)
            if outcome.run and outcome.run.ended:
                ended.setdefault(outcome.node, now)
        late = {node for node, moment in ended.items() if now - moment > _LATE_SECONDS}
        if all(outcome.settled or outcome.node in late for outcome in outcomes) or now > deadline:
            return outcomes
        time.sleep(_POLL_SECONDS)


def _explain(console: Console, control: Control, outcome: Outcome) -> None:
    """Print why a node did not submit: the end of its job's log, or the webhook's answer."""
    console.print(f"[bold red]{outcome.node}[/] ({outcome.cloud}): {outcome.state}")
    if outcome.run is not None:
        reason = outcome.run.reason or "the cloud gave no reason"
        console.print(f"  {reason}; the job's last lines:", markup=False)
        lines = control.read_log(outcome.run.run_id).splitlines()[-25:]
    elif outcome.trigger is not None:
        lines = [outcome.trigger.answer]
    else:
        lines = ["Numerai did not call a webhook of this model."]
    for line in lines:
        console.print(f"    {line}", markup=False)


def _print_next_steps(console: Console) -> None:
    console.print("\nThe sandbox is still running. What to try next:")
    for command, purpose in (
        (sandbox_shell.hint(), "let `pulumi` in this shell use the sandbox"),
        ("$EDITOR nodes.yaml && pulumi up", "add, resize, move to another cloud or remove a node"),
        ("pnodes sandbox open-round", "let Numerai call the webhooks again"),
        ("pulumi stack output webhooks --show-secrets", "show the webhooks with their tokens"),
        ("pulumi destroy", "remove everything"),
        ("pnodes sandbox stop", "stop the sandbox"),
    ):
        console.print(f"  {command:<46}# {purpose}", markup=False)


def _print_step(console: Console, number: int, title: str) -> None:
    console.print(f"\n[bold]{number}/{_STEPS}[/] {title}")


def _in_ci() -> bool:
    return os.environ.get("CI", "").lower() not in ("", "0", "false")
