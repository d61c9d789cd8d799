"""One season: a fleet's rounds under a seed's faults, and what became of them.

A season is run for one program at a time: this project with or without its watch, or numerai-cli's Lambda. All of them
meet the same faults.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable

from tests.reliability.clock import Clock
from tests.reliability.faults import Faults
from tests.reliability.fleet import RESCUE_WATCH, WATCH, Node, SeasonRound, make_nodes, make_rounds
from tests.reliability.functions import SERVICES, TRIGGERS, Network, Process, Region, deployed
from tests.reliability.jobs import Jobs
from tests.reliability.numerai import Numerai
from tests.reliability.rates import Rates
from trigger.calls import Request
from trigger.claims import name_round
from trigger.table import Row
from trigger.watch import CLOSED_SECONDS

PASS_SECONDS = 300
RETRY_SECONDS = 3 * 3600
"""Numerai repeats a call that failed once, hours later: what was seen in 2022."""
REGIONS = {"aws": "us-east-1", "gcp": "us-central1", "azure": "eastus"}
HAS_RESCUE = "partner" in Row._fields
_WEEK = 7 * 24 * 3600.0


class Season:
    """A season of one program: `call_webhook` is what its function does with a call of Numerai."""

    def __init__(
        self,
        seed: int,
        rates: Rates,
        nodes: int = 50,
        weeks: int = 52,
        watched: bool = True,
        rescued: bool = False,
    ) -> None:
        self.nodes, self.rounds = make_nodes(nodes), make_rounds(weeks)
        self.watched, self.rescued = watched, rescued
        begins = self.rounds[0].opens - 24 * 3600
        self.clock = Clock(begins)
        self.faults = Faults(seed, rates, begins, list(REGIONS.values()), weeks * _WEEK)
        self.numerai = Numerai(self.clock, self.faults, self.rounds, self.nodes)
        self.jobs = Jobs(
            self.clock, self.faults, self.numerai.submit, lambda node: self.numerai.find_round(node.tournament).number
        )
        self.by_name = {node.name: node for node in self.nodes}
        self.regions = {cloud: self._open_region(cloud, name) for cloud, name in REGIONS.items()}
        self.network = Network(self.clock, self.faults, self.numerai, self.regions)
        self.functions = self.network.functions

    def _open_region(self, cloud: str, name: str) -> Region:
        rows = [node.make_row(cloud, WATCH if self.watched else "") for node in self.nodes if node.cloud == cloud]
        if self.rescued:
            urls = {other: f"https://{other}{TRIGGERS}" for other in REGIONS}
            rows = [row._replace(partner=urls[self.by_name[row.node].rescue_cloud]) for row in rows]
            for node in self.nodes:
                if node.rescue_cloud == cloud:
                    row = node.make_row(cloud, RESCUE_WATCH)._replace(primary=node.name, partner=urls[node.cloud])
                    rows.append(row._replace(node=f"{node.name}-rescue"))
        services = SERVICES[cloud](
            rows,
            lambda node, run_id, env: self.jobs.start(name, self.by_name[node], run_id, env),
            lambda node: self.jobs.list_runs(name, node),
        )
        return Region(name, cloud, services)

    def run(self) -> None:
        """Run the season to its end."""
        for round_ in self.rounds:
            for node in self.nodes:
                if node.tournament == round_.tournament:
                    self._plan_webhooks(node, round_)
        if self.watched:
            for index, region in enumerate(self.regions.values()):
                for opens in sorted({round_.opens for round_ in self.rounds}):
                    first = opens + (97 * index + 41) % PASS_SECONDS
                    self.clock.at(first, lambda region=region, at=first: self._look(region, at))  # type: ignore[misc]
        with deployed(self.clock, self.network):
            self.clock.run()

    def call_webhook(self, node: Node, number: int, trigger_id: str, key: tuple[object, ...]) -> int | None:
        """Call the node's webhook; return the status of the answer, None without one."""
        body = json.dumps({"roundNumber": number, "triggerId": trigger_id, "dataVersion": 1}).encode()
        request = Request("POST", f"/pred/{node.model_id}/{node.token}", body=body)

        def act(process: Process) -> int:
            return process.trigger.answer(request).status

        status: int | None = self.functions.call(self.regions[node.cloud], key, act)
        return status

    def _plan_webhooks(self, node: Node, round_: SeasonRound) -> None:
        trigger_id = str(uuid.UUID(int=self.faults.draw("id", node.name, round_.number).getrandbits(128), version=4))
        for index, delay in enumerate(self.faults.find_webhook(node.name, round_.number).calls):
            key = ("webhook", node.name, round_.number, index)
            self.clock.at(round_.opens + delay, self._make_call(node, round_, trigger_id, key, index == 0))

    def _make_call(
        self, node: Node, round_: SeasonRound, trigger_id: str, key: tuple[object, ...], again: bool
    ) -> Callable[[], None]:
        def call() -> None:
            status = self.call_webhook(node, round_.number, trigger_id, key)
            if (status is None or status >= 500) and again:
                repeat = self._make_call(node, round_, trigger_id, (*key, "again"), False)
                self.clock.at(self.clock.now + RETRY_SECONDS, repeat)

        return call

    def _look(self, region: Region, slot: float) -> None:
        """Make a pass of a region's watch, and plan the next one while a round may need it."""
        current = [self.numerai.find_round(name) for name in {node.tournament for node in self.nodes}]
        windows = [round_ for round_ in current if self.clock.now < round_.closes + CLOSED_SECONDS]
        if not windows:
            return
        following = slot + PASS_SECONDS
        self.clock.at(following, lambda: self._look(region, following))
        if self._all_settled(region, windows):  # such a pass writes nothing and starts nothing
            return
        random_ = self.faults.draw("pass", region.name, slot)
        self.clock.sleep(random_.uniform(0, 20))
        if random_.random() < self.faults.rates.pass_twice:
            self.faults.tried["pass twice"] += 1
            self.clock.at(self.clock.now + random_.uniform(0, 5), lambda: self._pass(region, slot, "again"))
        self._pass(region, slot, "")

    def _pass(self, region: Region, slot: float, more: str) -> None:
        self.functions.call(region, ("pass", slot, more), lambda process: process.watch.run_pass())

    def _all_settled(self, region: Region, rounds: list[SeasonRound]) -> bool:
        prefix = "claims-" if region.cloud == "azure" else "claims/"
        for round_ in rounds:
            for row in region.services.rows:
                if row.tournament == round_.tournament:
                    names = region.services.objects.folders.get(prefix + name_round(row.node, round_.number)[:-1], {})
                    if "submitted" not in names and "missed" not in names:
                        return False
        return True
