"""`pnodes cost`: estimates the costs of the nodes in nodes.yaml per run, at rest and per month, before deployment."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from pnodes import project
from pnodes.cli.options import AsJson
from pnodes.cli.tables import table
from pnodes.errors import UserError
from pnodes.wording import usd

_DEFAULT_MINUTES = 10.0


def cost(
    file: Annotated[Path | None, typer.Argument(help="Nodes file; by default nodes.yaml beside Pulumi.yaml.")] = None,
    minutes: Annotated[float, typer.Option(help="Duration of a run in minutes; `pnodes status` shows yours.")] = (
        _DEFAULT_MINUTES
    ),
    as_json: AsJson = False,
) -> None:
    """Estimate the costs of the nodes, from the clouds' list prices of the day that the output names."""
    from pnodes.plan.cost import ROUNDS_MONTH, estimate, estimate_shared
    from providers import prices

    if not 0 < minutes <= 14 * 24 * 60:
        raise UserError(f"--minutes: expected a duration of more than 0 and at most 20160 minutes, got {minutes:g}.", 2)
    nodes = project.load_nodes(file).with_rescues
    estimates = [estimate(node, minutes * 60) for node in nodes]
    regions = estimate_shared(nodes)
    months = [node.month for node in estimates if node.month is not None]
    total = sum(months) + sum(region.month for region in regions)
    if as_json:
        answer: dict[str, Any] = {
            "prices_of": prices.AS_OF.isoformat(),
            "minutes": minutes,
            "currency": "USD",
            "nodes": [{**asdict(node), "month": node.month} for node in estimates],
            "shared": [asdict(region) for region in regions],
            "month": total,
            "complete": len(months) == len(estimates),
        }
        print(json.dumps(answer, indent=2))
        return
    console = Console(highlight=False, soft_wrap=True)
    rows = [
        [node.node, node.cloud, node.size, usd(node.run), f"{node.runs_month:.0f}", usd(node.month)]
        for node in estimates
    ]
    rows += [
        [f"({region.cloud} {region.region})", region.cloud, region.what, "", "", usd(region.month)]
        for region in regions
        if region.month
    ]
    rows.append(["all", "", "", "", "", usd(total)])
    console.print(table(["node", "cloud", "what", "USD a run", "runs a month", "USD a month"], rows))
    for node in estimates:
        if node.why:
            console.print(f"{node.node}: {node.why}, so the total excludes its runs.", markup=False)
    console.print(
        f"\nA run of {minutes:g} minutes (--minutes), {ROUNDS_MONTH} rounds a month. List prices of {prices.AS_OF} in "
        "the clouds' default regions, without free tiers, image storage and builds, logs and network."
    )
