"""Estimates what each node costs per run, at rest and per month, based on the size that its cloud actually provides.

Not included, as the output states: image storage (0.10 USD per GiB and month), image builds (cents each), logs, network
and free tiers. A machine that is not in the price table gets no estimate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from nodefile import Node, Schedule
from nodefile.rescue import RescueNode
from providers.clouds import find_cloud
from providers.numerai.keys import name_keys
from providers.own_secrets import list_names
from providers.prices import Prices
from trigger.cron import fields, matches

ROUNDS_MONTH = 22
"""Numerai opens a round every day from Tuesday to Saturday."""
_SHOWN_DAYS = 28


@dataclass(frozen=True)
class Estimate:
    """Costs of one node in USD. `run` is None if the table has no price; `why` names the unknown machine."""

    node: str
    cloud: str
    size: str
    runs_month: float
    run: float | None
    rest_month: float
    why: str = ""

    @property
    def month(self) -> float | None:
        """Total cost of a month; None without a price."""
        return None if self.run is None else self.run * self.runs_month + self.rest_month


@dataclass(frozen=True)
class Shared:
    """Monthly cost in USD of the resources that the nodes of one region share."""

    cloud: str
    region: str
    month: float
    what: str


def estimate(node: Node, seconds: float) -> Estimate:
    """Estimate the costs of a node whose runs take `seconds`."""
    cloud = find_cloud(node.cloud)
    prices, fit = cloud.prices, cloud.fit(node)
    gib = fit.memory / 1024
    scheduled = count_scheduled_runs(node.schedule) if node.schedule and node.enabled else 0
    # A rescue runs only if its node has not submitted.
    rounds = ROUNDS_MONTH if node.enabled and not isinstance(node, RescueNode) else 0
    runs = rounds + scheduled
    rest = prices.schedule_month if node.schedule else 0.0
    size = f"{fit.vcpu:g} vCPU, {gib:g} GiB"
    if fit.machine and fit.machine not in prices.machines:
        why = f"the price table has no price for a machine of type {fit.machine}"
        return Estimate(node.name, node.cloud, size, runs, None, rest, why)
    billed = max(seconds, prices.least_seconds)
    extra = max(0, fit.disk - prices.free_disk) if fit.disk else 0
    per_second = (
        fit.vcpu * prices.vcpu_second + gib * prices.gib_second + extra * prices.disk_gib_second + prices.run_second
    ) + prices.machines.get(fit.machine, 0.0)
    return Estimate(node.name, node.cloud, size, runs, billed * per_second, rest)


def estimate_shared(nodes: Sequence[Node]) -> list[Shared]:
    """Estimate what each region in use costs at rest: keys and secrets, the watch's schedule, alerts, and on Azure the
    registry and the management of each type of dedicated machine."""
    estimates = []
    for name, region in sorted({(node.cloud, node.region) for node in nodes}):
        neighbours = [node for node in nodes if (node.cloud, node.region) == (name, region)]
        pairs = [name_keys(account) for account in {node.account for node in neighbours}]
        keys = {key for pair in pairs for key in (pair.public_id, pair.secret)}
        cloud = find_cloud(name)
        prices = cloud.prices
        own = len(list_names(neighbours)) * prices.secret_month
        own += len({node.account for node in neighbours if node.secrets}) * prices.account_secrets_month
        parts = ["API keys"] if prices.key_month else []
        parts += ["secrets"] if own else []
        parts += ["image registry"] if prices.cluster_month else []
        machines = {machine for node in neighbours if (machine := cloud.fit(node).machine)} - set(prices.machines)
        kinds = machines if prices.machines_month else set()
        parts += [f"management of {', '.join(sorted(kinds))} machines"] if kinds else []
        watch = prices.schedule_month if any(node.watch.enabled for node in neighbours) else 0.0
        parts += ["the watch's schedule"] if watch else []
        told = _estimate_alerts(neighbours, prices)
        parts += ["alerts"] if told else []
        month = len(keys) * prices.key_month + own + watch + told
        month += prices.cluster_month + len(kinds) * prices.machines_month
        estimates.append(Shared(name, region, month, ", ".join(parts)))
    return estimates


def estimate_rescue(rescue: RescueNode, nodes: Sequence[Node]) -> float:
    """Return what a rescue adds a month to the resources that these nodes share, while it does not run."""
    neighbours = [node for node in nodes if (node.cloud, node.region) == (rescue.cloud, rescue.region)]
    without, month = (sum(one.month for one in estimate_shared(part)) for part in (neighbours, [*neighbours, rescue]))
    return month - without


def _estimate_alerts(nodes: Sequence[Node], prices: Prices) -> float:
    """Return what the alerts of a region's nodes cost a month at rest."""
    heartbeats = {node.alerts.heartbeat for node in nodes if node.watch.enabled}
    addresses = ({node.alerts.webhook for node in nodes} | heartbeats) - {None}
    emails = {node.alerts.email for node in nodes} - {None}
    together = prices.addresses_month if addresses else 0.0
    return together + len(addresses) * prices.address_month + len(emails) * prices.email_month


def count_scheduled_runs(schedule: Schedule) -> float:
    """Return the runs per month of a schedule, from the mean of the coming weeks."""
    minutes, hours, *_ = fields(schedule.cron)
    now = datetime.now(ZoneInfo(schedule.timezone))
    first = now.replace(hour=min(hours), minute=min(minutes), tzinfo=None)
    # Clock changes neither add a run nor leave one out.
    days = sum(matches(schedule.cron, first + timedelta(days=day)) for day in range(_SHOWN_DAYS))
    return days * len(hours) * len(minutes) * (365 / 12) / _SHOWN_DAYS
