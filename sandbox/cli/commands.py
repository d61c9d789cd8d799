"""`pnodes sandbox`: run and use three simulated clouds and a simulated Numerai on this machine."""

import contextlib
import json
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pnodes import project
from pnodes.cli.options import AsJson
from pnodes.cli.tables import table
from pnodes.errors import Group, UserError
from pnodes.pulumi import Pulumi, find_engine
from pnodes.wording import moment
from sandbox.cli import process as sandbox_process
from sandbox.cli import shell as sandbox_shell
from sandbox.cli.control import Control, RunRecord, Trigger
from sandbox.cli.report import describe_executor
from sandbox.place import STACK, sandbox_home

app = typer.Typer(
    help="Run three simulated clouds and a simulated Numerai on this machine.",
    cls=Group,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


class Executor(StrEnum):
    """How images are built and jobs run."""

    AUTO = "auto"
    CONTAINER = "container"
    PROCESS = "process"


@app.command()
def start(
    executor: Annotated[
        Executor,
        typer.Option(
            envvar="PNODES_SANDBOX_EXECUTOR",
            help="Build images and run jobs in containers or as processes; auto uses containers if they work here.",
        ),
    ] = Executor.AUTO,
) -> None:
    """Start the sandbox if it is not running, and select its stack `sandbox`."""
    from pnodes.engine import ensure

    say = _console(stderr=True)
    engine = ensure(lambda line: say.print(line, markup=False))
    daemon = sandbox_process.start(sandbox_home(), executor=executor.value)
    pulumi = Pulumi(engine, project.project_folder(), sandbox_shell.build_environment(daemon, engine.bin))
    pulumi.read("stack", "select", "--create", STACK)
    _console().print(f"The sandbox is running (process {daemon.pid}, state in {daemon.home}). Stack: sandbox.")
    with Control(daemon.control) as control:
        status = control.status()
    _console().print(describe_executor(status), markup=False)
    if executor is not Executor.AUTO and status["executor"] != executor.value:
        _console(stderr=True).print(
            "The sandbox was already running. To change the executor, run `pnodes sandbox stop` and start it again."
        )
    _console().print("To use it in this shell:  " + sandbox_shell.hint(), markup=False)


@app.command()
def stop() -> None:
    """Stop the sandbox, which ends its running jobs, and keep its state for the next start."""
    home = sandbox_home()
    for run in _list_running(home):
        _console().print(f"Ending the running job {_shorten_job(run.job)} ({run.cloud}, {run.run_id}).", markup=False)
    stopped = sandbox_process.stop(home)
    _console().print("The sandbox has stopped. Its state is kept." if stopped else "No sandbox was running.")


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show whether the sandbox is running, its resources and its runs. Exit with 1 if it is not running."""
    home = sandbox_home()
    daemon = sandbox_process.find(home)
    if daemon is None:
        if as_json:
            print(json.dumps({"running": False, "home": str(home)}))
        else:
            _console().print(f"No sandbox is running in {home}.")
        raise typer.Exit(1)
    with Control(daemon.control) as control:
        facts, runs = control.status(), control.list_runs()
    if as_json:
        print(json.dumps({**facts, "running": True, "home": str(home), "pid": daemon.pid}, indent=2))
        return
    resources = ", ".join(f"{cloud} {count}" for cloud, count in facts["resources"].items())
    console = _console()
    console.print(f"The sandbox is running (process {daemon.pid}, state in {home}).")
    console.print(f"Resources: {resources}. Functions: {facts['functions']}.")
    console.print(describe_executor(facts), markup=False)
    if runs:
        times = [moment(datetime.fromtimestamp(run.created, UTC)) for run in runs]
        rows = [
            [run.cloud, _shorten_job(run.job), run.run_id, run.state, created, run.reason]
            for run, created in zip(runs, times, strict=True)
        ]
        console.print(table(["cloud", "job", "run", "state", "created", "reason"], rows))


@app.command()
def env(as_json: AsJson = False) -> None:
    """Print the variables of a shell that uses the sandbox, for `eval "$(pnodes sandbox env)"`."""
    daemon = sandbox_process.require(sandbox_home())
    engine = find_engine()
    (daemon.home / "state").mkdir(parents=True, exist_ok=True)
    settings = sandbox_shell.build_variables(daemon, engine.bin)
    print(json.dumps(settings, indent=2) if as_json else sandbox_shell.export_lines(settings))


@app.command("open-round")
def open_round(
    tournament: Annotated[str | None, typer.Option(help="classic, signals or crypto; by default all three.")] = None,
    open_for: Annotated[
        str | None,
        typer.Option(help="How long the round accepts submissions on time, such as 5m; by default an hour."),
    ] = None,
    every: Annotated[
        str | None, typer.Option(help="Open further rounds at this interval, such as 10m, until `--every off`.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Open a round at the sandbox's Numerai, which calls its models' webhooks. Exit with 1 if a call fails."""
    if tournament not in (None, "classic", "signals", "crypto"):
        raise UserError(f"--tournament: expected classic, signals or crypto, got {tournament!r}.", exit_code=2)
    seconds = _parse_duration("--open-for", open_for)
    interval = None if every == "off" else _parse_duration("--every", every)
    daemon = sandbox_process.require(sandbox_home())
    with Control(daemon.control) as control:
        next_opening = control.set_clock(interval, tournament, seconds) if every else None
        if every == "off":
            print(json.dumps({"clock": None}) if as_json else "No further rounds will open automatically.")
            return
        number, calls = control.open_round(tournament, seconds or (interval and min(interval, 3600)))
    if as_json:
        print(json.dumps({"round": number, "triggers": [vars(call) for call in calls], "next": next_opening}, indent=2))
    else:
        console = _console()
        console.print(f"Round {number} is open. Webhooks called: {len(calls)}.")
        _print_calls(console, calls)
        if next_opening:
            opens = moment(datetime.fromisoformat(next_opening))
            console.print(f"The next round opens at {opens}, then one every {every}. To stop this, use --every off.")
    if not all(call.accepted for call in calls):
        raise typer.Exit(1)


@app.command("retry")
def retry(as_json: AsJson = False) -> None:
    """Repeat the sandbox's failed webhook calls now, with the same trigger ids.

    The sandbox's Numerai otherwise repeats a failed call once, after a minute. Exit with 1 if a call fails again.
    """
    with Control(sandbox_process.require(sandbox_home()).control) as control:
        calls = control.retry_webhooks()
    if as_json:
        print(json.dumps({"triggers": [vars(call) for call in calls]}, indent=2))
    else:
        console = _console()
        console.print(f"Webhooks called again: {len(calls)}." if calls else "No failed webhook call is left to repeat.")
        _print_calls(console, calls)
    if not all(call.accepted for call in calls):
        raise typer.Exit(1)


def _print_calls(console: Console, calls: list[Trigger]) -> None:
    """Print the calls in a table that fits 80 columns, and then the answers, with the beginning of the trigger id."""
    if calls:
        rows = [[call.model_id, call.trigger_id[:8], str(call.status), f"{call.seconds:.2f}"] for call in calls]
        console.print(table(["model", "trigger id", "status", "seconds"], rows))
    for call in calls:
        console.print(f"{call.trigger_id[:8]}: {call.answer}", markup=False)


def _parse_duration(option: str, text: str | None) -> int | None:
    """Return the seconds that an option such as 10m stands for."""
    from nodefile import durations

    try:
        return None if text is None else durations.parse_seconds(text)
    except ValueError as error:
        raise UserError(f"{option}: {error}", exit_code=2) from None


@app.command()
def logs(
    run: Annotated[
        str | None, typer.Argument(help="A run's id, or its beginning (see status); by default the sandbox's own log.")
    ] = None,
    lines: Annotated[int, typer.Option("--lines", "-n", help="Number of lines from the end; 0 for all.")] = 100,
) -> None:
    """Print the log of a run, or the sandbox's own log."""
    home = sandbox_home()
    if run is None:
        text = sandbox_process.last_lines(home / "daemon.log", lines)
    else:
        with Control(sandbox_process.require(home).control) as control:
            text = "\n".join(control.read_log(_find_run_id(run, control.list_runs())).splitlines()[-lines:])
    print(text)


@app.command()
def inbox(as_json: AsJson = False) -> None:
    """Print the alerts that have arrived at the sandbox's Discord, Slack, healthchecks.io and mailboxes."""
    with Control(sandbox_process.require(sandbox_home()).control) as control:
        messages = control.list_messages()
    if as_json:
        print(json.dumps({"messages": messages}, indent=2))
        return
    console = _console()
    for message in messages:
        at = moment(datetime.fromtimestamp(message["at"], UTC))
        console.print(f"{at} {message['kind']} to {message['to']}", markup=False)
        console.print("\n".join(f"    {line}" for line in message.get("text", "").splitlines()), markup=False)
    if not messages:
        console.print("No alert has arrived.")


def _find_run_id(beginning: str, runs: list[RunRecord]) -> str:
    """Return the id of the only run whose id has this beginning. Raises UserError."""
    ids = [run.run_id for run in runs if run.run_id.startswith(beginning)]
    if len(ids) != 1:
        raise UserError(f"{'More than one run' if ids else 'No run'} has an id that begins with {beginning!r}.")
    return ids[0]


def _list_running(home: Path) -> list[RunRecord]:
    """Return the runs that have not ended; none if no sandbox is running or answers."""
    daemon = sandbox_process.find(home)
    if daemon is not None:
        with contextlib.suppress(UserError), Control(daemon.control) as control:
            return [run for run in control.list_runs() if not run.ended]
    return []


def _shorten_job(job: str) -> str:
    """Return the last part of a job's full name in its cloud."""
    return job.rstrip("/").replace(":", "/").split("/")[-1]


def _console(*, stderr: bool = False) -> Console:
    return Console(stderr=stderr, highlight=False, soft_wrap=True)
