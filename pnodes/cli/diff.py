"""`pnodes diff`: what `pulumi up` would change, in the nodes' own terms, with what a month costs before and after."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from pnodes import project
from pnodes.cli.options import AsJson, StackOption
from pnodes.cli.tables import table
from pnodes.errors import UserError
from pnodes.pulumi import Pulumi


def diff(
    stack: StackOption = None,
    plan: Annotated[
        Path | None, typer.Option(help="What `pulumi preview --json` printed before, instead of a preview now.")
    ] = None,
    minutes: Annotated[float, typer.Option(help="How long a run takes, for the cost.")] = 10.0,
    markdown: Annotated[bool, typer.Option("--markdown", help="For a comment on a pull request.")] = False,
    as_json: AsJson = False,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="End with 3 when something would change, as scripts like it.")
    ] = False,
) -> None:
    """Preview nodes.yaml against what is deployed, and tell it node by node. Changes nothing."""
    from nodefile.settings import dump_settings
    from pnodes.plan.markdown import headline, render
    from pnodes.plan.preview import NotAPlan, read
    from pnodes.plan.summary import summarise
    from pnodes.wording import usd

    wanted = dump_settings(project.load_nodes())
    pulumi = Pulumi.find()
    try:
        found = read(pulumi.preview(stack) if plan is None else _saved(plan))
    except NotAPlan as error:
        raise UserError(str(error), 2) from None
    if found.messages:
        raise UserError("the preview failed:\n" + "\n".join(found.messages))
    summary = summarise(found, wanted, minutes)
    name = stack or pulumi.selected_stack() or "not selected"
    if as_json:
        print(json.dumps(asdict(summary), indent=2))
    elif markdown:
        print(render(summary, name), end="")
    else:
        console = Console(highlight=False, soft_wrap=True)
        console.print(f"{headline(summary)}.", markup=False)
        if summary.nodes:
            rows = [
                [one.node, one.kind, "; ".join(one.details), usd(one.month_before), usd(one.month_after)]
                for one in summary.nodes
            ]
            rows.append(["all", "", "", usd(summary.month_before), usd(summary.month_after)])
            console.print(table(["node", "", "change", "USD a month before", "after"], rows))
    if exit_code and not found.empty:
        raise typer.Exit(3)


def _saved(plan: Path) -> Any:
    try:
        return json.loads(plan.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{plan} cannot be read: {error.strerror}.", 2) from None
    except ValueError:
        raise UserError(f"{plan} is not JSON; expected what `pulumi preview --json` printed.", 2) from None
