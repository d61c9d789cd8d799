"""What became of a season's rounds: missed and why, late, doubled, and which faults they survived."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.reliability.faults import Outage
from tests.reliability.fleet import AFTER_SECONDS, Node, SeasonRound
from tests.reliability.jobs import STARTUP_SECONDS, Job
from tests.reliability.season import PASS_SECONDS, REGIONS, Season

REGION_DOWN, STORAGE_DOWN = "the region was down for too long", "the region's storage was down for too long"
NUMERAI_DOWN, TOGETHER = "Numerai was down for too long", "several outages left too little time"
TOO_LATE, MODEL = "two faults left too little time for another run", "the model itself failed twice"
IMPOSSIBLE = (REGION_DOWN, STORAGE_DOWN, TOGETHER)
"""Causes that nothing in the node's own region could have repaired."""
EXPLAINED = {*IMPOSSIBLE, NUMERAI_DOWN, TOO_LATE, MODEL}


@dataclass
class Result:
    """The figures of one season of one program."""

    program: str
    seed: int
    times: float
    watched: bool
    rounds: int = 0
    missed: Counter[str] = field(default_factory=Counter)
    """Rounds without a submission in time, by cause."""
    late: int = 0
    """Those of them that were submitted after their end."""
    at_the_same_time: int = 0
    """Runs that began while another one of their node was running."""
    for_one_start: int = 0
    """Jobs beyond the first one of a start."""
    beside_late: int = 0
    """Runs of a rescue beside a run that took longer than usual: its rule, no failure."""
    beside_silent: int = 0
    """Runs of a rescue beside a run in a region of which a service was down."""
    runs: int = 0
    tried: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    @property
    def doubled(self) -> int:
        return self.at_the_same_time + self.for_one_start

    @property
    def broken(self) -> bool:
        """Whether the watch doubled a round, or missed one for another reason than outages and the model itself."""
        return self.watched and bool(self.doubled or set(self.missed) - EXPLAINED)

    def describe(self) -> str:
        """Return the figures in a line."""
        causes = ", ".join(f"{number} {cause}" for cause, number in self.missed.most_common(4))
        return (
            f"{self.program}, seed {self.seed}, {self.times:g} times: {self.rounds} rounds, "
            f"{self.missed.total()} missed ({causes or 'none'}), {self.late} late, {self.doubled} doubled, "
            f"{self.beside_late} beside a late run, {self.beside_silent} beside a silent region"
        )

    @staticmethod
    def read(values: dict[str, object]) -> Result:
        """Return a result that was written as JSON."""
        result = Result(**values)  # type: ignore[arg-type]
        result.missed, result.tried = Counter(result.missed), Counter(result.tried)
        return result

    def write(self) -> dict[str, object]:
        """Return the result as types of JSON."""
        return {**vars(self), "missed": dict(self.missed), "tried": dict(sorted(self.tried.items()))}


def measure(season: Season, program: str, seed: int, times: float) -> Result:
    """Return the figures of a season that has ended."""
    result = Result(program, seed, times, season.watched, runs=len(season.jobs.ended), tried=season.faults.tried)
    result.at_the_same_time, result.for_one_start = len(season.jobs.at_the_same_time), len(season.jobs.for_one_start)
    result.beside_late, result.beside_silent = len(season.jobs.beside_late), len(season.jobs.beside_silent)
    if season.watched:
        result.examples = [*season.jobs.at_the_same_time[:3], *season.jobs.for_one_start[:3]]
    runs: dict[str, list[Job]] = {}
    for job in season.jobs.ended:
        runs.setdefault(job.node.name, []).append(job)
    for round_ in season.rounds:
        for node in season.nodes:
            if node.tournament != round_.tournament:
                continue
            result.rounds += 1
            times_ = season.numerai.submissions.get((node.name, round_.number), [])
            if any(at <= round_.closes for at in times_):
                continue
            own = [job for job in runs.get(node.name, []) if round_.opens <= job.created < round_.closes]
            cause = find_cause(season, node, round_, own)
            result.missed[cause] += 1
            result.late += bool(times_)
            if cause not in EXPLAINED and season.watched:
                result.examples.append(f"{node.name} round {round_.number}: {cause}")
    return result


def find_cause(season: Season, node: Node, round_: SeasonRound, runs: list[Job]) -> str:
    """Say why a round was missed; outages that left too little time for a run come first."""
    need = STARTUP_SECONDS[1] + 1.1 * node.seconds + PASS_SECONDS + 60
    region = season.faults.regions[REGIONS[node.cloud]]
    compute, store = (list(region.list_between(round_.opens, round_.closes, name)) for name in ("compute", "store"))
    silent = list(season.faults.numerai.list_between(round_.opens, round_.closes, "numerai"))
    causes = [(REGION_DOWN, compute), (NUMERAI_DOWN, silent), (STORAGE_DOWN, store)]
    for cause, outages in causes:
        if not has_room(round_.opens, round_.closes, need, outages):
            return cause
    if sum(job.kind == "crashes" for job in runs) > 1:
        return MODEL
    # A run that failed, or a call that did not come, was to be repaired from here on.
    since = max((job.ends for job in runs), default=round_.opens + AFTER_SECONDS)
    if not has_room(since, round_.closes, need, [*compute, *silent, *store]):
        return TOGETHER if compute or silent or store else TOO_LATE
    kinds = sorted(job.kind or "upload" for job in runs if job.state == "failed")
    return f"runs failed: {', '.join(kinds)}" if kinds else "no run"


def has_room(begins: float, ends: float, need: float, outages: Iterable[Outage]) -> bool:
    """Whether a time has so many seconds in a row outside of outages."""
    free = begins
    for outage in sorted(outages, key=lambda outage: outage.begins):
        if outage.begins - free >= need:
            return True
        free = max(free, outage.ends)
    return ends - free >= need
