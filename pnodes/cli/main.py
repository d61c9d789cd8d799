"""The command line: which commands there are. Each lies in a module of its own and imports what it needs when it runs,
so that `pnodes validate` is as quick as reading the file."""

import typer

from pnodes.cli import (
    ci,
    cost,
    dashboard,
    diff,
    doctor,
    engine,
    import_nodes,
    logs,
    new,
    probe,
    release,
    status,
    stop,
    trigger,
    validate,
)
from pnodes.cli import run as run_command
from pnodes.errors import Group
from sandbox.cli import commands as sandbox
from sandbox.cli import demo

app = typer.Typer(
    name="pnodes",
    help="Everything you do between two `pulumi up`.",
    cls=Group,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("validate")(validate.validate)
app.command("new")(new.new)
app.command("run")(run_command.run)
app.command("cost")(cost.cost)
app.command("diff")(diff.diff)
app.command("import")(import_nodes.import_nodes)
app.command("status")(status.status)
app.command("logs")(logs.logs)
app.command("dashboard")(dashboard.dashboard)
app.command("test")(probe.probe)
app.command("trigger")(trigger.trigger)
app.command("stop")(stop.stop)
app.command("release")(release.release)
app.command("doctor")(doctor.doctor)
app.command("demo")(demo.demo)
app.command("engine")(engine.engine)
app.add_typer(ci.app, name="ci")
app.add_typer(sandbox.app, name="sandbox")


def run() -> None:
    """The console script."""
    app()
