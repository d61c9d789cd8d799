"""`pnodes sandbox`: three clouds and Numerai on this machine, for the real Pulumi engine."""

import json
from datetime import UTC, datetime
from enum import StrEnum
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
from sandbox.cli.report import how_jobs_run
from sandbox.place import STACK, sandbox_home

app = typer.Typer(
    help="Three clouds and Numerai on this machine, for the real Pulumi engine.",
    cls=Group,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


class Executor(StrEnum):
    """How jobs run."""

    AUTO = "auto"
    CONTAINER = "container"
    PROCESS = "process"


@app.command()
def start(
    executor: Annotated[
        Executor,
        typer.Option(
            envvar="PNODES_SANDBOX_EXECUTOR",
            help="How images are built and jobs run: in containers, as processes, or in containers where that works.",
        ),
    ] = Executor.AUTO,
) -> None:
    """Start the sandbox (if it does not run) and select its stack `sandbox`."""
    from pnodes.engine import ensure

    say = _console(stderr=True)
    engine = ensure(lambda line: say.print(line, markup=False))
    daemon = sandbox_process.start(sandbox_home(), executor=executor.value)
    pulumi = Pulumi(engine, project.project_folder(), sandbox_shell.environment(daemon, engine.bin))
    pulumi.read("stack", "select", "--create", STACK)
    _console().print(f"The sandbox runs (process {daemon.pid}, state in {daemon.home}); stack sandbox is selected.")
    with Control(daemon.control) as control:
        facts = control.status()
    _console().print(how_jobs_run(facts), markup=False)
    if executor is not Executor.AUTO and facts["executor"] != executor.value:
        _console(stderr=True).print("It ran already. `pnodes sandbox stop`, then start it again to change that.")
    _console().print("A shell in it:  " + sandbox_shell.hint(), markup=False)


@app.command()
def stop() -> None:
    """Stop the sandbox; its state stays for the next start."""
    stopped = sandbox_process.stop(sandbox_home())
    _console().print("The sandbox is stopped; its state stays." if stopped else "No sandbox was running.")


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show whether the sandbox runs, what is deployed in it and which jobs ran. Exit code 1 when it does not run."""
    home = sandbox_home()
    daemon = sandbox_process.find(home)
    if daemon is None:
        if as_json:
            print(json.dumps({"running": False, "home": str(home)}))
        else:
            _console().print(f"No sandbox is running in {home}.")
        raise typer.Exit(1)
    with Control(daemon.control) as control:
        facts, runs = control.status(), control.runs()
    if as_json:
        print(json.dumps({**facts, "running": True, "home": str(home), "pid": daemon.pid}, indent=2))
        return
    resources = ", ".join(f"{cloud} {count}" for cloud, count in facts["resources"].items())
    console = _console()
    console.print(f"The sandbox runs (process {daemon.pid}, state in {home}).")
    console.print(f"Resources: {resources}. Functions: {facts['functions']}.")
    console.print(how_jobs_run(facts), markup=False)
    if runs:
        times = [moment(datetime.fromtimestamp(run.created, UTC)) for run in runs]
        rows = [
            [run.cloud, _short(run.job), run.run_id, run.state, created, run.reason]
            for run, created in zip(runs, times, strict=True)
        ]
        console.print(table(["cloud", "job", "run", "state", "created", "reason"], rows))


@app.command()
def env(as_json: AsJson = False) -> None:
    """Print what makes a shell work against the sandbox, for `eval "$(pnodes sandbox env)"`."""
    daemon = sandbox_process.running(sandbox_home())
    engine = find_engine()
    (daemon.home / "state").mkdir(parents=True, exist_ok=True)
    settings = sandbox_shell.variables(daemon, engine.bin)
    print(json.dumps(settings, indent=2) if as_json else sandbox_shell.export_lines(settings))


@app.command("open-round")
def open_round(
    tournament: Annotated[str | None, typer.Option(help="classic, signals or crypto; all three when left out.")] = None,
    open_for: Annotated[
        str | None,
        typer.Option(help="How long it is open, such as 5m; an hour when left out. Then a submission is late."),
    ] = None,
    every: Annotated[
        str | None, typer.Option(help="Open another one every so often, such as 10m, until `--every off`.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Open a round at the sandbox's Numerai, which calls the webhooks of its models. Exit code 1 when one refuses."""
    if tournament not in (None, "classic", "signals", "crypto"):
        raise UserError(f"--tournament is classic, signals or crypto, not {tournament!r}.", exit_code=2)
    seconds, pause = _duration("--open-for", open_for), None if every == "off" else _duration("--every", every)
    daemon = sandbox_process.running(sandbox_home())
    with Control(daemon.control) as control:
        following = control.set_clock(pause, tournament, seconds) if every else None
        if every == "off":
            print(json.dumps({"clock": None}) if as_json else "No more rounds open by themselves.")
            return
        number, calls = control.open_round(tournament, seconds or (pause and min(pause, 3600)))
    if as_json:
        print(json.dumps({"round": number, "triggers": [vars(call) for call in calls], "next": following}, indent=2))
    else:
        console = _console()
        console.print(f"Round {number} is open; {len(calls)} webhooks were called.")
        _tell_calls(console, calls)
        if following:
            opens = moment(datetime.fromisoformat(following))
            console.print(f"The next one opens at {opens}, and so on every {every}. No more: --every off")
    if not all(call.accepted for call in calls):
        raise typer.Exit(1)


@app.command("retry")
def retry(as_json: AsJson = False) -> None:
    """Let the sandbox's Numerai call webhooks that failed a second time now, with the same trigger id.

    It does so by itself after a minute, once. Exit code 1 when one refuses again.
    """
    with Control(sandbox_process.running(sandbox_home()).control) as control:
        calls = control.retry_webhooks()
    if as_json:
        print(json.dumps({"triggers": [vars(call) for call in calls]}, indent=2))
    else:
        console = _console()
        console.print(f"{len(calls)} webhooks were called again." if calls else "No webhook waits for a second call.")
        _tell_calls(console, calls)
    if not all(call.accepted for call in calls):
        raise typer.Exit(1)


def _tell_calls(console: Console, calls: list[Trigger]) -> None:
    if calls:
        rows = [[c.model_id, c.trigger_id, str(c.status), f"{c.seconds:.2f}", c.answer] for c in calls]
        console.print(table(["model", "trigger id", "status", "seconds", "answer"], rows))


def _duration(option: str, text: str | None) -> int | None:
    """Seconds of an option such as 10m."""
    from nodefile import durations

    try:
        return None if text is None else durations.parse_seconds(text)
    except ValueError as error:
        raise UserError(f"{option}: {error}", exit_code=2) from None


@app.command()
def logs(
    run: Annotated[str | None, typer.Argument(help="A run's id (see status); the sandbox's own log without.")] = None,
    lines: Annotated[int, typer.Option("--lines", "-n", help="How many of the last lines; 0 for all.")] = 100,
) -> None:
    """Print what a job has printed, or the sandbox's own log."""
    home = sandbox_home()
    if run is None:
        text = sandbox_process.last_lines(home / "daemon.log", lines)
    else:
        with Control(sandbox_process.running(home).control) as control:
            text = "\n".join(control.log(_complete(run, control.runs())).splitlines()[-lines:])
    print(text)


def _complete(beginning: str, runs: list[RunRecord]) -> str:
    """The one run whose id begins so."""
    found = [run.run_id for run in runs if run.run_id.startswith(beginning)]
    if len(found) != 1:
        raise UserError(f"{'No run' if not found else 'More than one run'} has an id that begins with {beginning!r}.")
    return found[0]


def _short(job: str) -> str:
    """The last part of a cloud's long name of a job."""
    return job.rstrip("/").replace(":", "/").split("/")[-1]


def _console(*, stderr: bool = False) -> Console:
    return Console(stderr=stderr, highlight=False, soft_wrap=True)
