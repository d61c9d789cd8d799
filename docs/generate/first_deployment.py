"""Generate the cost tables of first-deployment-CLOUD.md, between two marks; the rest is written by hand."""

from __future__ import annotations

from pathlib import Path

from docs.generate.markdown import replace_between, table
from docs.generate.sizes import MINUTES, describe_fit, is_rejected, make_node
from nodefile.sizes import PRESETS
from pnodes.plan.cost import ROUNDS_MONTH, estimate, estimate_shared
from pnodes.wording import usd
from providers.clouds import find_cloud
from providers.prices import AS_OF

BEGIN, END = "<!-- costs: generated -->\n", "<!-- end of costs -->"


def page(path: Path, cloud: str) -> str:
    """Return the current page with the tables of current prices."""
    return replace_between(path.read_text(encoding="utf-8"), BEGIN, END, costs(cloud))


def costs(cloud: str) -> str:
    """Return a table of the costs while idle, and a table of the costs of each preset's runs."""
    shared = estimate_shared([make_node(cloud, "gen-sm")])
    idle = [[cost.what, usd(cost.month)] for cost in shared if cost.month]
    schedule = find_cloud(cloud).prices.schedule_month
    if schedule:
        idle.append(["each `schedule`", usd(schedule)])
    runs = []
    # Only the balanced sizes, with which most users start; sizes.md lists all.
    for preset in (name for name in PRESETS if name.startswith("gen-")):
        node = make_node(cloud, preset)
        if is_rejected(node):
            continue
        cost = estimate(node, MINUTES * 60)
        month = None if cost.run is None else cost.run * ROUNDS_MONTH
        runs.append([f"`{preset}`", describe_fit(cloud, preset), usd(cost.run), usd(month)])
    return "\n".join(
        [
            table(["while idle, for a region and an account of Numerai", "USD a month"], idle),
            table(["`size`", "container", f"a run of {MINUTES} minutes", f"{ROUNDS_MONTH} rounds a month"], runs),
            f"USD, list prices of {AS_OF}, without free tiers; [all sizes](sizes.md#what-a-run-costs).\n",
        ]
    )
