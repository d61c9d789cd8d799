"""`pnodes cost`: what the nodes of nodes.yaml cost for a run, at rest and in a month, before anything is deployed."""

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
    file: Annotated[Path | None, typer.Argument(help="The file; nodes.yaml beside Pulumi.yaml when left out.")] = None,
    minutes: Annotated[float, typer.Option(help="How long a run takes; `pnodes status` shows what yours took.")] = (
        _DEFAULT_MINUTES
    ),
    as_json: AsJson = False,
) -> None:
    """Estimate what the nodes cost, from the clouds' list prices of a named day."""
    from pnodes.plan.cost import ROUNDS_MONTH, estimate, estimate_shared
    from providers import prices

    if not 0 < minutes <= 14 * 24 * 60:
        raise UserError(f"--minutes is how long a run takes, more than 0 and at most 20160, not {minutes:g}.", 2)
    nodes = project.load_nodes(file).nodes
    found = [estimate(node, minutes * 60) for node in nodes]
    regions = estimate_shared(nodes)
    known = [each.month for each in found if each.month is not None]
    total = sum(known) + sum(each.month for each in regions)
    if as_json:
        answer: dict[str, Any] = {
            "prices_of": prices.AS_OF.isoformat(),
            "minutes": minutes,
            "currency": "USD",
            "nodes": [{**asdict(each), "month": each.month} for each in found],
            "shared": [asdict(each) for each in regions],
            "month": total,
            "complete": len(known) == len(found),
        }
        print(json.dumps(answer, indent=2))
        return
    console = Console(highlight=False, soft_wrap=True)
    rows = [
        [each.node, each.cloud, each.size, usd(each.run), f"{each.runs_month:.0f}", usd(each.month)] for each in found
    ]
    rows += [
        [f"({one.cloud} {one.region})", one.cloud, one.what, "", "", usd(one.month)] for one in regions if one.month
    ]
    rows.append(["all", "", "", "", "", usd(total)])
    console.print(table(["node", "cloud", "what", "USD a run", "runs a month", "USD a month"], rows))
    for each in found:
        if each.why:
            console.print(f"{each.node}: {each.why}, so the sum is without its runs.", markup=False)
    console.print(
        f"\nA run of {minutes:g} minutes (--minutes), {ROUNDS_MONTH} rounds a month. List prices of {prices.AS_OF} in "
        "the clouds' default regions, without free tiers, image storage and builds, logs and network."
    )
