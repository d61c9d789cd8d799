"""`pnodes diff`: shows what `pulumi up` would change, node by node, with the monthly costs before and after."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from pnodes import project
from pnodes.cli.options import AsJson, StackOption
from pnodes.cli.tables import table
from pnodes.errors import UserError
from pnodes.pulumi import Pulumi, stack_option


def diff(
    stack: StackOption = None,
    plan: Annotated[
        Path | None, typer.Option(help="Read the saved output of `pulumi preview --json` instead of running a preview.")
    ] = None,
    minutes: Annotated[float, typer.Option(help="Duration of a run in minutes, for the cost estimate.")] = 10.0,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print Markdown for a comment on a pull request.")
    ] = False,
    as_json: AsJson = False,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit with 3 if anything would change.")] = False,
) -> None:
    """Compare nodes.yaml with the deployed nodes, and show the differences node by node. Changes nothing."""
    from nodefile.settings import dump_settings
    from pnodes.plan.markdown import OTHERS, headline, render
    from pnodes.plan.preview import read
    from pnodes.plan.summary import summarise
    from pnodes.wording import usd

    file = project.load_nodes()
    pulumi = Pulumi.find()
    with ThreadPoolExecutor(1) as pool:
        outputs = pool.submit(pulumi.read_json, "stack", "output", "--json", "--show-secrets", *stack_option(stack))
        preview = read(pulumi.preview(stack) if plan is None else _read_saved(plan))
    if preview.messages:
        raise UserError("the preview failed:\n" + "\n".join(preview.messages))
    name = stack or preview.stack
    wanted = dump_settings(project.select_nodes(file, name))
    summary = summarise(preview, outputs.result().get("settings") or {}, wanted, minutes)
    if as_json:
        print(json.dumps(asdict(summary), indent=2))
    elif markdown:
        print(render(summary, name), end="")
    else:
        console = Console(highlight=False, soft_wrap=True)
        console.print(f"{headline(summary)}.", markup=False)
        if summary.nodes:
            rows = [
                [node.node, node.kind, "; ".join(node.details), usd(node.month_before), usd(node.month_after)]
                for node in summary.nodes
            ]
            rows.append(["others", "", OTHERS, *map(usd, summary.others)])
            rows.append(["all", "", "", usd(summary.month_before), usd(summary.month_after)])
            console.print(table(["node", "", "change", "USD a month before", "after"], rows))
    if exit_code and preview.operations:
        raise typer.Exit(3)


def _read_saved(plan: Path) -> Any:
    try:
        return json.loads(plan.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{plan} cannot be read: {error.strerror}.", 2) from None
    except ValueError:
        raise UserError(f"{plan} is not JSON; expected the output of `pulumi preview --json`.", 2) from None
