"""What fails when, drawn from a seed: the same for every program that is compared, whatever it does.

Each draw has a key, such as a node and its round. So a program that makes more calls than another one meets the same
webhooks, outages and jobs.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from tests.reliability.rates import BURSTS, OUTCOMES, Rates

YEAR = 365 * 24 * 3600.0
_BURST_SECONDS = 300.0
_NUMERAI_SECONDS = 1800.0
SERVICES = {"store": "store_error", "compute": "compute_error", "secrets": "secrets_error"}
_KINDS = (frozenset({"store", "compute", "secrets", "function"}), frozenset({"store"}), frozenset({"compute"}))
"""What is down in an outage. Half of the outages are of the first kind."""


class Outage(NamedTuple):
    """A time in which services of a region do not answer."""

    begins: float
    ends: float
    services: frozenset[str]


class Outages:
    """The outages of a region, or of Numerai, in order."""

    def __init__(self, outages: list[Outage]) -> None:
        self.all = sorted(outages)
        self._begins = [outage.begins for outage in self.all]
        self._longest = max((outage.ends - outage.begins for outage in outages), default=0.0)

    def list_between(self, begins: float, ends: float, service: str) -> Iterator[Outage]:
        """Yield those of a service that touch a time."""
        index = bisect_right(self._begins, ends) - 1
        while index >= 0 and self._begins[index] >= begins - self._longest:
            outage = self.all[index]
            if service in outage.services and outage.ends > begins:
                yield outage
            index -= 1

    def is_down(self, moment: float, service: str) -> bool:
        """Whether a service is down."""
        return any(True for _ in self.list_between(moment, moment, service))


class Webhook(NamedTuple):
    """When Numerai calls, in seconds after the round's opening; none if the call is lost."""

    calls: tuple[float, ...]


class JobFaults(NamedTuple):
    """What happens to a run."""

    kind: str
    """"", no start, lost, hangs, slow or crashes"""
    share: float
    """A number from 0 to 1, for when it happens."""
    lag: float
    """Seconds until the run is listed."""


class Faults:
    """The faults of one season. `tried` counts those that happened, by their names."""

    def __init__(self, seed: int, rates: Rates, begins: float, regions: list[str], seconds: float = YEAR) -> None:
        self.rates, self.seed, self.tried = rates, seed, Counter[str]()
        share = seconds / YEAR
        self.regions = {name: Outages(self._draw_outages(name, begins, seconds, share)) for name in regions}
        self.bursts = {name: Outages(self._draw_bursts(name, begins, seconds)) for name in regions}
        random_ = self.draw("numerai")
        self.numerai = Outages(
            [
                Outage(at, at + random_.lognormvariate(0, 0.8) * _NUMERAI_SECONDS, frozenset({"numerai"}))
                for at in _draw_times(random_, rates.numerai_outages * share, begins, seconds)
            ]
        )

    def draw(self, *key: object) -> random.Random:
        """Return the random numbers of a key."""
        return random.Random(f"{self.seed}/{key}")  # noqa: S311 - a simulation

    def find_webhook(self, node: str, number: int) -> Webhook:
        """Draw what becomes of the call for a round."""
        random_, rates = self.draw("webhook", node, number), self.rates
        lost, late, twice = (random_.random() for _ in range(3))
        first = random_.uniform(1, 60)
        again = random_.choice((random_.uniform(0, 2), random_.uniform(0, 2), random_.uniform(2, 900)))
        delay = random_.expovariate(1 / 900)
        if lost < rates.webhook_lost:
            self.tried["webhook lost"] += 1
            return Webhook(())
        if late < rates.webhook_late:
            self.tried["webhook late"] += 1
            first += delay
        if twice < rates.webhook_twice:
            self.tried["webhook twice"] += 1
            return Webhook((first, first + again))
        return Webhook((first,))

    def find_job(self, node: str, number: int, attempt: int) -> JobFaults:
        """Draw what happens to a node's run; `attempt` counts the runs of its round."""
        random_, rates = self.draw("job", node, number, attempt), self.rates
        lag = random_.expovariate(1 / rates.list_lag) if rates.list_lag else 0.0
        share, value = random_.random(), random_.random()
        for name, kind in (
            ("job_no_start", "no start"),
            ("job_lost", "lost"),
            ("job_hangs", "hangs"),
            ("job_slow", "slow"),
            ("job_crashes", "crashes"),
        ):
            value -= getattr(rates, name)
            if value < 0:
                self.tried[f"job {kind}"] += 1
                return JobFaults(kind, share, lag)
        return JobFaults("", share, lag)

    def find_outcome(self, random_: random.Random, region: str, service: str, moment: float) -> str:
        """Return what becomes of a call: "" if it succeeds, "down", or one of OUTCOMES."""
        if self.regions[region].is_down(moment, service):
            self.tried[f"{service} down"] += 1
            return "down" if random_.random() < 0.7 else "lost"
        rate = getattr(self.rates, SERVICES[service])
        share = 0.5 if rate and self.bursts[region].is_down(moment, service) else rate * (1 - BURSTS)
        value = random_.random()
        if value >= share:
            return ""
        value /= share
        chosen = OUTCOMES[-1][0]
        for outcome, part in reversed(OUTCOMES):
            if value < part:
                chosen = outcome
                break
            value -= part
        self.tried[f"{service} {chosen}"] += 1
        return chosen

    def _draw_outages(self, region: str, begins: float, seconds: float, share: float) -> list[Outage]:
        random_, outages = self.draw("outages", region), []
        for at in _draw_times(random_, self.rates.outages * share, begins, seconds):
            length = self.rates.outage_hours * 3600 * random_.lognormvariate(0, 0.8)
            outages.append(Outage(at, at + length, random_.choice((_KINDS[0], _KINDS[0], *_KINDS[1:]))))
        return outages

    def _draw_bursts(self, region: str, begins: float, seconds: float) -> list[Outage]:
        """Half of a service's share of failed calls, at one of two calls during a burst."""
        bursts = []
        for service, name in SERVICES.items():
            random_ = self.draw("bursts", region, service)
            number = getattr(self.rates, name) * BURSTS / 0.5 * seconds / _BURST_SECONDS
            bursts += [
                Outage(at, at + random_.expovariate(1 / _BURST_SECONDS), frozenset({service}))
                for at in _draw_times(random_, number, begins, seconds)
            ]
        return bursts


def _draw_times(random_: random.Random, expected: float, begins: float, seconds: float) -> Iterator[float]:
    """Yield times of events that are independent of each other, `expected` of them on average."""
    at = begins
    while expected > 0:
        at += random_.expovariate(expected / seconds)
        if at > begins + seconds:
            return
        yield at
