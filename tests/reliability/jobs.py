"""The jobs of all regions: when a run ends and how, and whether two of one node ran at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from tests.reliability.clock import Clock
from tests.reliability.faults import Faults, Outage
from tests.reliability.fleet import Node

STARTUP_SECONDS = (20.0, 60.0)
"""How long a job waits for its container."""
KEPT = 10
"""The runs of a node that a region lists, about those of a week, which is what Batch keeps."""


@dataclass
class Job:
    """One run."""

    name: str
    node: Node
    run_id: str
    env: dict[str, str]
    created: float
    listed: float
    ends: float
    region: str
    state: str = "running"
    """running, succeeded, failed"""
    own_fault: bool = False
    kind: str = ""


@dataclass
class Jobs:
    """All jobs. `submit` is called when a run reaches its end and says whether Numerai took its predictions."""

    clock: Clock
    faults: Faults
    submit: Callable[[Node, int], bool]
    find_round: Callable[[Node], int]
    by_node: dict[tuple[str, str], list[Job]] = field(default_factory=dict)
    started: dict[tuple[str, int], int] = field(default_factory=dict)
    running: dict[str, list[Job]] = field(default_factory=dict)
    run_ids: set[tuple[str, str, str]] = field(default_factory=set)
    at_the_same_time: list[str] = field(default_factory=list)
    for_one_start: list[str] = field(default_factory=list)
    beside_late: list[str] = field(default_factory=list)
    """Runs of a rescue, or of the node itself, beside the other one's run that took longer than usual."""
    beside_silent: list[str] = field(default_factory=list)
    """The same, while a service of the other one's region was down."""
    ended: list[Job] = field(default_factory=list)

    def start(self, region: str, node: Node, run_id: str, env: Mapping[str, str]) -> Job:
        """Start a run, as the cloud does when it accepts the request."""
        number = self.find_round(node)
        attempt = self.started[node.name, number] = self.started.get((node.name, number), 0) + 1
        now = self.clock.now
        faults = self.faults.find_job(node.name, number, attempt)
        wait = STARTUP_SECONDS[0] + faults.share * (STARTUP_SECONDS[1] - STARTUP_SECONDS[0])
        length = node.seconds * (0.9 + 0.2 * faults.share)
        kind, ends = faults.kind, now + wait + length
        if kind == "no start":
            ends = now + wait
        elif kind in ("lost", "crashes"):
            ends = now + wait + length * faults.share
        elif kind == "hangs":
            ends = now + wait + node.timeout
        elif kind == "slow":
            ends = now + wait + 1.75 * length
        for outage in self.faults.regions[region].list_between(now, ends, "compute"):
            # An outage of the compute service ends one of two runs.
            if outage.begins > now and self.faults.draw("outage", node.name, number, attempt).random() < 0.5:
                kind, ends = "lost", min(ends, outage.begins)
        name = f"{node.name}-{len(self.by_node.get((region, node.name), [])) + 1:05}"
        job = Job(name, node, run_id, dict(env), now, now + faults.lag, ends, region, kind=kind)
        for other in self.running.get(node.name, []):
            text = f"{node.name} round {number}: {run_id} beside {other.run_id}"
            if other.region == region:
                self.at_the_same_time.append(text)
            elif other.kind == "hangs" or now - other.created > 1.2 * node.seconds:
                self.beside_late.append(text)
            elif any(self._list_silences(other, now)):
                self.beside_silent.append(text)
            else:
                self.at_the_same_time.append(text)
        if (region, node.name, run_id) in self.run_ids:
            self.for_one_start.append(f"{node.name} round {number}: {run_id}")
        self.run_ids.add((region, node.name, run_id))
        self.running.setdefault(node.name, []).append(job)
        self.by_node.setdefault((region, node.name), []).append(job)
        self.clock.at(ends, lambda: self._end(job, number))
        return job

    def list_runs(self, region: str, node: str) -> list[Job]:
        """Return the node's runs that the region lists by now, the newest first."""
        newest = self.by_node.get((region, node), [])[: -KEPT - 1 : -1]
        return [job for job in newest if job.listed <= self.clock.now]

    def _list_silences(self, other: Job, now: float) -> Iterator[Outage]:
        """Yield the outages of another run's region since a little before it began."""
        region = self.faults.regions[other.region]
        for service in ("function", "compute", "store"):
            yield from region.list_between(min(other.created, now - 60), now, service)

    def _end(self, job: Job, number: int) -> None:
        self.running[job.node.name].remove(job)
        if job.kind in ("", "slow"):
            job.state = "succeeded" if self.submit(job.node, number) else "failed"
            job.own_fault = job.state == "failed"  # numerapi's exception ends the model's process
        else:
            job.state, job.own_fault = "failed", job.kind == "crashes"
        self.ended.append(job)
