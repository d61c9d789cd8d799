"""Registers the commands of `pnodes`. Each has its own module, which imports most dependencies only when it runs, so
that `pnodes validate` starts quickly. Installed packages add more commands through the entry point group
`pnodes.commands`: functions, or Typer applications with commands of their own."""

import tomllib
from importlib.metadata import entry_points
from typing import Annotated

import typer

from pnodes.cli import (
    alerts,
    ci,
    cost,
    dashboard,
    diff,
    doctor,
    engine,
    history,
    import_nodes,
    logs,
    new,
    probe,
    release,
    repair,
    scores,
    status,
    stop,
    trigger,
    validate,
)
from pnodes.cli import run as run_command
from pnodes.engine.paths import ROOT
from pnodes.errors import Group

app = typer.Typer(
    name="pnodes",
    cls=Group,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"pnodes {tomllib.loads((ROOT / 'pyproject.toml').read_text(encoding='utf-8'))['project']['version']}")
        raise typer.Exit


@app.callback()
def pnodes(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Operate prediction nodes between two runs of `pulumi up`."""


app.command("validate")(validate.validate)
app.command("new")(new.new)
app.command("run")(run_command.run)
app.command("cost")(cost.cost)
app.command("diff")(diff.diff)
app.command("import")(import_nodes.import_nodes)
app.command("status")(status.status)
app.command("history")(history.history)
app.command("scores")(scores.scores)
app.command("logs")(logs.logs)
app.command("dashboard")(dashboard.dashboard)
app.command("test")(probe.probe)
app.command("trigger")(trigger.trigger)
app.command("stop")(stop.stop)
app.command("release")(release.release)
app.command("repair")(repair.repair)
app.command("doctor")(doctor.doctor)
app.command("engine")(engine.engine)
app.add_typer(alerts.app, name="alerts")
app.add_typer(ci.app, name="ci")
for plugin in sorted(entry_points(group="pnodes.commands"), key=lambda point: point.name):
    command = plugin.load()
    if isinstance(command, typer.Typer):
        app.add_typer(command, name=plugin.name)
    else:
        app.command(plugin.name)(command)


def run() -> None:
    """Run the console script."""
    app()
