"""What each node costs for a run, at rest and in a month, from its size as its cloud really gives it.

Left out, and said: image storage (0.10 USD for each GiB and month), image builds (cents each), logs, network and free
tiers. A machine that is not in the price table has no figure rather than a guess.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from nodefile import Node, Schedule
from providers.clouds import find_cloud
from providers.numerai.keys import name_keys
from trigger.cron import due

ROUNDS_MONTH = 22
"""Numerai opens a round on Tuesdays to Saturdays."""
_SHOWN_DAYS = 28


@dataclass(frozen=True)
class Estimate:
    """USD for one node. `run` is None where the table has no price, and `why` says for what."""

    node: str
    cloud: str
    size: str
    runs_month: float
    run: float | None
    rest_month: float
    why: str = ""

    @property
    def month(self) -> float | None:
        """Runs and rest of a month; None without a price."""
        return None if self.run is None else self.run * self.runs_month + self.rest_month


@dataclass(frozen=True)
class Shared:
    """USD a month for what the nodes of one region share."""

    cloud: str
    region: str
    month: float
    what: str


def estimate(node: Node, seconds: float) -> Estimate:
    """A node whose runs take so many seconds."""
    cloud = find_cloud(node.cloud)
    prices, fit = cloud.prices, cloud.fit(node)
    gib = fit.memory / 1024
    runs = (ROUNDS_MONTH if node.enabled else 0) + (runs_of(node.schedule) if node.schedule and node.enabled else 0)
    rest = prices.schedule_month if node.schedule else 0.0
    size = f"{fit.vcpu:g} vCPU, {gib:g} GiB"
    if fit.machine:
        why = f"a machine of the kind {fit.machine} has no price in the table"
        return Estimate(node.name, node.cloud, size, runs, None, rest, why)
    billed = max(seconds, prices.least_seconds)
    extra = max(0, fit.disk - prices.free_disk) if fit.disk else 0
    per_second = (
        fit.vcpu * prices.vcpu_second + gib * prices.gib_second + extra * prices.disk_gib_second + prices.run_second
    )
    return Estimate(node.name, node.cloud, size, runs, billed * per_second, rest)


def shared(nodes: Sequence[Node]) -> list[Shared]:
    """What the regions in use cost at rest: the accounts' keys, on Azure the registry, and there the management of each
    kind of machine that runs do not share with others."""
    found = []
    for name, region in sorted({(node.cloud, node.region) for node in nodes}):
        here = [node for node in nodes if (node.cloud, node.region) == (name, region)]
        keys = {name for node in here for name in (name_keys(node.account).public_id, name_keys(node.account).secret)}
        cloud = find_cloud(name)
        prices = cloud.prices
        parts = [f"{len(keys)} secrets"] if prices.key_month else []
        parts += ["image registry"] if prices.cluster_month else []
        kinds = {machine for node in here if (machine := cloud.fit(node).machine)} if prices.machines_month else set()
        parts += [f"management of {', '.join(sorted(kinds))} machines"] if kinds else []
        month = len(keys) * prices.key_month + prices.cluster_month + len(kinds) * prices.machines_month
        found.append(Shared(name, region, month, ", ".join(parts)))
    return found


def runs_of(schedule: Schedule) -> float:
    """Runs in a month of a schedule: the mean of the coming weeks."""
    start = datetime.now(UTC).replace(second=0, microsecond=0)
    minutes = (start + timedelta(minutes=minute) for minute in range(_SHOWN_DAYS * 24 * 60))
    return sum(due(schedule.cron, schedule.timezone, minute) for minute in minutes) * (365 / 12) / _SHOWN_DAYS
