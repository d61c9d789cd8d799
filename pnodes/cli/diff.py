"""`pnodes diff`: what `pulumi up` would change, in the nodes' own terms, with what a month costs before and after."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from pnodes import project
from pnodes.deployed.stack import failed, run
from pnodes.errors import UserError
from sandbox.cli.report import table

if TYPE_CHECKING:
    from pnodes.plan.preview import Settings


def diff(
    stack: Annotated[str | None, typer.Option(help="The stack; the selected one when left out.")] = None,
    plan: Annotated[
        Path | None, typer.Option(help="What `pulumi preview --json` printed before, instead of a preview now.")
    ] = None,
    minutes: Annotated[float, typer.Option(help="How long a run takes, for the cost.")] = 10.0,
    markdown: Annotated[bool, typer.Option("--markdown", help="For a comment on a pull request.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")] = False,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="End with 3 when something would change, as scripts like it.")
    ] = False,
) -> None:
    """Preview nodes.yaml against what is deployed, and tell it node by node. Changes nothing."""
    from pnodes.plan.markdown import headline, render, usd
    from pnodes.plan.preview import NotAPlan, read
    from pnodes.plan.summary import summarise

    wanted = _wanted()
    try:
        found = read(_document(plan, stack))
    except NotAPlan as error:
        raise UserError(str(error), 2) from None
    if found.messages:
        raise UserError("the preview failed:\n" + "\n".join(found.messages))
    summary = summarise(found, wanted, minutes)
    name = stack or _selected()
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


def _document(plan: Path | None, stack: str | None) -> Any:
    if plan is not None:
        try:
            return json.loads(plan.read_text(encoding="utf-8"))
        except OSError as error:
            raise UserError(f"{plan} cannot be read: {error.strerror}.", 2) from None
        except ValueError:
            raise UserError(f"{plan} is not JSON; expected what `pulumi preview --json` printed.", 2) from None
    chosen = ["--stack", stack] if stack else []
    done = run("preview", "--json", *chosen)
    try:
        document = json.loads(done.stdout)
    except ValueError:
        raise failed(done, ["preview"]) from None
    return document


def _wanted() -> "Settings":
    from nodefile import NodeFileError
    from nodefile.settings import settings
    from providers.checks import load_checked

    folder = project.project_folder()
    try:
        return settings(load_checked(folder / "nodes.yaml", project.project_name(folder)))
    except NodeFileError as error:
        raise UserError(f"nodes.yaml has mistakes:\n{error}", 2) from None


def _selected() -> str:
    done = run("stack", "--show-name")
    return done.stdout.strip() or "not selected"
