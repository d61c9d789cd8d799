"""Generate sizes.md: the size of each preset on each cloud, by the clouds' limits, and the cost of a run."""

from __future__ import annotations

from pathlib import Path

from docs.generate.markdown import table
from nodefile import Node, Size
from nodefile.clouds import REGIONS
from nodefile.sizes import PRESETS
from pnodes.plan.cost import estimate
from pnodes.wording import usd
from providers import prices
from providers.aws import limits as aws
from providers.azure import limits as azure
from providers.azure import prices as azure_prices
from providers.clouds import find_cloud, list_clouds
from providers.gcp import limits as gcp

MINUTES = 10


def page() -> str:
    """Return the page's text."""
    return f"""\
# Sizes

<!-- Made by `python -m docs.generate` from nodefile/sizes.py and providers/*/limits.py. -->

`size` is either a preset, named as in numerai-cli, or a number of vCPUs and an amount of memory:

```yaml
size: mem-md
size: {{cpu: 2, memory: 12GiB}}
```

Each cloud offers its own steps. A size between two steps is raised to the next one, and `pnodes validate` and
`pulumi preview` say so. A size that a cloud does not offer at all is rejected before anything is built.

{_presets()}
The default is `gen-sm`. Azure has two kinds of larger machines. *On T4* means a serverless machine with a GPU, which
the node need not use. Azure bills it as a whole, by the second of a run, and nothing while no run needs it. Such
machines exist in {len(azure.SERVERLESS_REGIONS)} regions, `eastus` and `westeurope` among them. In other regions, and
for sizes that a T4 machine does not have, nodes run on a dedicated machine (such as *on D16*), which starts before the
run and is deleted after it. Azure bills the whole machine, and for some minutes longer than the run. Azure also bills
{_machines()} USD a month (*Dedicated Plan Management*) for each kind of dedicated machine in a region, whether one is
running or not.

## What a run costs

Costs in USD of a run of {MINUTES} minutes, at list prices of {prices.AS_OF} in the clouds' default regions, without
free tiers. `pnodes cost` calculates the costs of your nodes; set the length of your runs with `--minutes`.

{_costs()}
A question mark means that the price table has no price for the size, because whole machines are billed, not runs.

## Limits

{_limits()}
`memory` is the limit of the container: the cloud ends a job that needs more. On Google Cloud, the files that a job
writes count as memory too.

There is no `gpu` on any cloud: see [GPUs](how-to/gpu.md).
"""


def _presets() -> str:
    rows = []
    for name, (units, memory) in PRESETS.items():
        rows.append([f"`{name}`", _amount(units / 1024, memory), *(describe_fit(cloud, name) for cloud in REGIONS)])
    return table(["preset", "request", *(cloud.title for cloud in list_clouds())], rows)


def _costs() -> str:
    rows = []
    for name in PRESETS:
        cells = []
        for cloud in REGIONS:
            node = make_node(cloud, name)
            cells.append("–" if is_rejected(node) else usd(estimate(node, MINUTES * 60).run))
        rows.append([f"`{name}`", *cells])
    return table(["preset", *(cloud.title for cloud in list_clouds())], rows)


def _limits() -> str:
    least, most = min(gcp.MACHINES), max(gcp.MACHINES)
    cores, memory = (max(machine[index] for machine in azure.DEDICATED.values()) for index in (0, 1))
    return table(
        ["", *(cloud.title for cloud in list_clouds())],
        [
            ["service", "Batch on Fargate", "Cloud Run jobs", "Container Apps jobs"],
            [
                "largest",
                _amount(aws.MAX_CPU, aws.MAX_MEMORY),
                _amount(most, gcp.MACHINES[most][1]),
                f"{_amount(azure.MAX_CPU, azure.MAX_MEMORY)}; dedicated {_amount(cores, memory - 8 * 1024)}",
            ],
            [
                "smallest",
                _amount(min(aws.PAIRS) / 1024, aws.PAIRS[min(aws.PAIRS)][0]),
                _amount(least, gcp.MACHINES[least][0]),
                _amount(azure.STEP_CPU, 512),
            ],
            *([f"`{key}`", *(cloud.remarks[key] for cloud in list_clouds())] for key in ("disk", "timeout")),
            ["default `region`", *(f"`{REGIONS[cloud]}`" for cloud in REGIONS)],
        ],
    )


def describe_fit(cloud: str, preset: str) -> str:
    """Return the size of a preset on a cloud."""
    node = make_node(cloud, preset)
    if is_rejected(node):
        return "refused"
    fit = find_cloud(cloud).fit(node)
    return _amount(fit.vcpu, fit.memory) + (f" on {fit.machine}" if fit.machine else "")


def is_rejected(node: Node) -> bool:
    """Return whether the node's cloud does not offer its size."""
    return any(field == "size" for field, _ in find_cloud(node.cloud).check(node, "project", "stack"))


def _machines() -> str:
    return f"{azure_prices.PRICES.machines_month:.0f}"


def _amount(cpu: float, memory: float) -> str:
    return f"{cpu:g} vCPU / {memory / 1024:g} GiB"


def make_node(cloud: str, preset: str) -> Node:
    """Return a node of this size in its cloud's default region."""
    units, memory = PRESETS[preset]
    return Node(
        name="node",
        model="model",
        cloud=cloud,
        size=Size(preset=preset, cpu=units / 1024, memory=memory),
        source=Path("m"),
    )
