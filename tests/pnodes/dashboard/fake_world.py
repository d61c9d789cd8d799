"""A deployment in memory: nodes in every state that the page distinguishes, on clouds that answer at once."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from pnodes.dashboard.deployment import Deployment, Records
from pnodes.dashboard.serve import Serving
from pnodes.deployed.history import RoundRecord, read_round
from pnodes.deployed.stack import StackNode
from providers.operations import LogLine, NodeFacts, NodeOperations, OperationsError, Run, State

TOKEN = "q7Zr0yXw3cVt5bNm8kLj2hGf4dSa6pOi1uYtReWqZxC"
MODEL = "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01"
EVIL = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
SETTINGS: dict[str, Any] = {
    "model": MODEL,
    "tournament": "classic",
    "cloud": "aws",
    "region": "us-east-1",
    "size": {"preset": "gen-sm", "cpu": 1.0, "memory": 4096},
    "source": "model",
    "context": ".",
    "timeout": 3600,
    "enabled": True,
}


@dataclass
class Cloud(NodeOperations):
    """One node's cloud. If `broken` is set, every query fails with it; `log` returns `lines`, which may grow."""

    listed: list[Run] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    calls: list[LogLine] = field(default_factory=list)
    broken: str = ""
    hold: threading.Event | None = None
    queries: list[str] = field(default_factory=list)
    poll_seconds: ClassVar[float] = 0.01
    lag_seconds: ClassVar[float] = 0.0

    def runs(self, limit: int = 10) -> list[Run]:
        self._ask("runs")
        return self.listed[:limit]

    def run(self, run_id: str) -> Run:
        self._ask("run")
        return next(run for run in self.listed if run.id == run_id)

    def log(self, run: Run, since: datetime | None = None, limit: int = 1000) -> list[LogLine]:
        self._ask("log")
        begun = run.started or run.created
        return [LogLine(begun + timedelta(seconds=n), text, f"{n}") for n, text in enumerate(self.lines)][-limit:]

    def trigger_log(self, since: datetime | None = None, limit: int = 1000) -> list[LogLine]:
        self._ask("trigger_log")
        return [line for line in self.calls if since is None or line.time >= since][-limit:]

    def stop(self, run: Run) -> None:
        raise AssertionError("the page must not change anything")

    def report(self, recorded: list[RoundRecord] | None, last: int | None) -> list[RoundRecord] | OperationsError:
        """Return the node's rounds as its trigger does."""
        if self.broken:
            return OperationsError(self.broken)
        rounds = recorded
        if rounds is None:
            rounds = [read_round(int(run.round), _record(run)) for run in self.listed if run.round.isdecimal()]
        return rounds[:last]

    def _ask(self, query: str) -> None:
        self.queries.append(query)
        if self.hold is not None:
            self.hold.wait(30)
        if self.broken:
            raise OperationsError(self.broken)


def _record(run: Run) -> dict[str, dict[str, Any]]:
    """Return the claim and the marks that the watch writes about a run."""
    claim = {"1.claim": {"at": run.created.timestamp(), "run": run.trigger_id}}
    if not run.state.ended or run.stopped is None:
        return claim
    states = {State.SUCCEEDED: "succeeded", State.FAILED: "failed", State.CANCELLED: "stopped"}
    ended = {"state": states[run.state], "reason": run.reason}
    times = {"created": run.created.timestamp(), "ended": run.stopped.timestamp()}
    return claim | {f"{run.trigger_id}.ended": ended | times}


def call(moment: datetime, run: str = "", job: str = "", http: int = 202, **more: Any) -> LogLine:
    """Return a line of the trigger's log, as trigger/core.py writes it."""
    line: dict[str, Any] = {"node": "n", "method": "POST", "route": "pred", "http": http, "status": "started"}
    line |= ({"run": run, "test": False} if run else {}) | ({"job": job} if job else {}) | more
    return LogLine(moment, json.dumps(line), f"{moment.isoformat()} {run}")


@dataclass
class FakeWorld:
    """Clouds by node, and the rounds and submissions that Numerai returns."""

    now: datetime
    clouds: dict[str, Cloud] = field(default_factory=dict)
    submissions: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    rounds: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    tournaments: dict[str, str] = field(default_factory=dict)
    history: dict[str, list[RoundRecord]] = field(default_factory=dict)
    """Recorded rounds, instead of those that follow from the runs."""
    surveys: list[tuple[list[str], list[str]]] = field(default_factory=list)
    reports: list[tuple[list[str], int | None]] = field(default_factory=list)
    """What Numerai and the triggers were asked."""

    def add(self, name: str, tournament: str = "classic", **facts: Any) -> Cloud:
        """Add a node without rounds and runs."""
        self.clouds[name], self.submissions[name], self.tournaments[name] = Cloud(**facts), [], tournament
        return self.clouds[name]

    def deployment(self) -> Deployment:
        """Return the deployment that the page queries."""
        places = (("aws", "us-east-1"), ("gcp", "us-central1"), ("azure", "eastus"))
        nodes = {}
        for index, name in enumerate(self.clouds):
            cloud, region = places[index % 3]
            settings = {**SETTINGS, "cloud": cloud, "region": region, "tournament": self.tournaments[name]}
            console = f"https://console.{cloud}.example/{name}"
            facts = NodeFacts(name, cloud, region, "job", {})
            nodes[name] = StackNode(
                facts, self.tournaments[name], MODEL, None, f"https://f.example/pred/{MODEL}?token={TOKEN}", "gen-sm",
                console, settings,
            )  # fmt: skip
        return Deployment(
            title="prediction-nodes/live",
            nodes=nodes,
            operations=lambda name: self.clouds[name],
            survey=self.survey,
            history=self.report,
            secrets=frozenset({TOKEN, "numerai-secret-value"}),
        )

    def survey(self, names: Sequence[str], tournaments: Sequence[str]) -> tuple[Records, Records]:
        """Replaces Numerai."""
        self.surveys.append((list(names), list(tournaments)))
        return {name: self.submissions[name] for name in names}, {
            name: self.rounds.get(name, []) for name in tournaments
        }

    def report(self, names: Sequence[str], last: int | None) -> dict[str, list[RoundRecord] | OperationsError]:
        """Replaces a region's trigger, which knows what its clouds' runs are."""
        self.reports.append((list(names), last))
        return {name: self.clouds[name].report(self.history.get(name), last) for name in names}


Serve = Callable[[FakeWorld], Serving]


def stamp(moment: datetime) -> str:
    """Format a time as Numerai does."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def add_rounds(world: FakeWorld, tournament: str, count: int, opened: timedelta, lasts: timedelta) -> None:
    """Add one round a day, newest first; the newest opened `opened` ago."""
    world.rounds[tournament] = [
        {
            "number": 371 - index,
            "openTime": stamp(world.now - opened - timedelta(days=index)),
            "closeTime": stamp(world.now - opened - timedelta(days=index) + lasts),
            "closeStakingTime": stamp(world.now - opened - timedelta(days=index) + lasts),
        }
        for index in range(count)
    ]


def add_history(
    world: FakeWorld, name: str, count: int, seconds: Iterator[float], failed: tuple[int, ...] = ()
) -> None:
    """Add a run for each of the last rounds, newest first, and a submission unless the run's index is in `failed`."""
    cloud = world.clouds[name]
    for index, round_ in enumerate(world.rounds[world.tournaments[name]][:count]):
        number, took = round_["number"], next(seconds)
        begun = datetime.fromisoformat(round_["openTime"]) + timedelta(seconds=20)
        trigger_id, job = f"{number}-{name}-trigger", f"job-{name}-{number}"
        started = begun + timedelta(seconds=31 + index % 7)
        state = State.FAILED if index in failed else State.SUCCEEDED
        reason = "exit code 1" if index in failed else ""
        ended = started + timedelta(seconds=took)
        cloud.listed.append(
            Run(job, state, begun + timedelta(seconds=1), reason, started, ended, trigger_id, str(number))
        )
        cloud.calls.insert(0, call(begun, trigger_id, job))
        if index not in failed:
            at = ended - timedelta(seconds=5)
            world.submissions[name].append(
                {"triggerId": trigger_id, "insertedAt": stamp(at), "round": {"number": number}}
            )


def make_world() -> FakeWorld:
    """Return five nodes: one runs daily, one failed, one is running, one never ran, one has a cloud that fails."""
    now = datetime.now(UTC).replace(microsecond=0)
    world = FakeWorld(now)
    add_rounds(world, "classic", 30, timedelta(minutes=18), timedelta(hours=1))
    add_rounds(world, "signals", 12, timedelta(hours=3), timedelta(hours=1))
    world.rounds["signals"].append({"number": 900, "openTime": stamp(now + timedelta(hours=5)), "closeTime": None})
    world.add("alpha").lines = [
        "loading the model",
        EVIL,
        f"posting to https://x.example/pred/{MODEL}?token={TOKEN}",
        "done",
    ]
    seconds = iter([212, 205, 240, 198, 223, 231, 207, 402, 215, 209, 221, 218, 230, 211])
    add_history(world, "alpha", 14, seconds, failed=(7,))
    beta = world.add("beta")
    beta.lines = [
        "predicting beta",
        "Traceback (most recent call last):",
        "ValueError: no feature_x",
        "\x1b[31mred\x1b[0m",
    ]
    add_history(world, "beta", 6, iter([61, 58, 64, 60, 66, 59]), failed=(0,))
    gamma = world.add("gamma")
    add_history(world, "gamma", 3, iter([300, 900, 320]))
    gamma.listed[0] = Run(
        "job-gamma-371", State.RUNNING, now - timedelta(minutes=6), "", now - timedelta(minutes=5), None,
        "371-gamma-trigger", "371",
    )  # fmt: skip
    gamma.calls[-1] = call(now - timedelta(minutes=6, seconds=2), "371-gamma-trigger", "job-gamma-371")
    gamma.lines = ["still at it"]
    world.submissions["gamma"] = world.submissions["gamma"][1:]
    world.add("delta", "signals")
    world.add("epsilon", "signals", broken="Google Cloud gives no token (they have expired or were withdrawn).")
    return world
