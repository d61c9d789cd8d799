"""`python -m benchmarks.dashboard`: the page of fifty nodes with ninety days of rounds, as a file and served.

The goals, on an idle machine: first paint within a second in Chromium, and a file of less than 2 MB. Exits with 1 if
one is missed. The clouds and Numerai are in memory, so that the figures are those of the page alone.
"""

from __future__ import annotations

import os
import random
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

from pnodes.dashboard.deployment import Deployment, Records
from pnodes.dashboard.report import build_report
from pnodes.dashboard.serve import Serving, listen
from pnodes.dashboard.watch import Watch
from pnodes.deployed.history import RoundRecord, read_round
from pnodes.deployed.scores import Rank, Scores
from pnodes.deployed.stack import StackNode
from providers.numerai.scores import RoundScores
from providers.operations import LogLine, NodeFacts, NodeOperations, OperationsError, Run, State

PAINT_SECONDS, FILE_BYTES = 1.0, 2_000_000
_PLACES = (("aws", "us-east-1"), ("gcp", "us-central1"), ("azure", "eastus"))
_WORDS = ("amber", "basin", "cedar", "delta", "ember", "fjord", "grove", "heath", "inlet", "jetty")
_REASONS = (
    "exit code 137; OutOfMemoryError",
    "exit code 1",
    "the job took longer than 1h",
    "no capacity in the region",
)
_LOG_LINES, _PAINTS = 30, 5


class _Cloud(NodeOperations):
    """One node's cloud."""

    def __init__(self, name: str, runs: Sequence[Run]) -> None:
        self._name, self._runs = name, runs

    def runs(self, limit: int = 10) -> list[Run]:
        return [*self._runs[:limit]]

    def run(self, run_id: str) -> Run:
        return next(run for run in self._runs if run.id == run_id)

    def log(self, run: Run, since: datetime | None = None, limit: int = 1000) -> list[LogLine]:
        lines = [f"era {number:04}: predicting 5,{number:03} rows of {self._name}" for number in range(_LOG_LINES)]
        return [
            LogLine(run.created + timedelta(seconds=number), line, str(number)) for number, line in enumerate(lines)
        ]

    def trigger_log(self, since: datetime | None = None, limit: int = 1000) -> list[LogLine]:
        return []

    def stop(self, run: Run) -> None:
        raise AssertionError("the page must not change anything")


class Fleet:
    """Nodes with recorded rounds and scores, the same for each seed; `requests` counts what the page asks."""

    def __init__(self, now: datetime, count: int = 50, days: int = 90) -> None:
        self.now, self._random = now, random.Random(7)  # noqa: S311 - the same figures each time
        opened = [now.replace(hour=13, minute=0, second=0, microsecond=0) - timedelta(days=day) for day in range(days)]
        self._opened = [at for at in opened if 1 <= at.weekday() <= 5 and at <= now]
        self._numbers = [1250 - place for place in range(len(self._opened))]
        self.requests: list[str] = []
        self.nodes = {name: self._build_node(name, place) for place, name in enumerate(_list_names(count))}
        self._history = {name: self._record_rounds(name, place) for place, name in enumerate(self.nodes)}
        self._scores = {name: self._score() for name in self.nodes}

    def deploy(self) -> Deployment:
        """Return the deployment that the page queries."""
        return Deployment(
            title="prediction-nodes/live",
            nodes=self.nodes,
            operations=lambda name: _Cloud(name, self._list_runs(name)),
            survey=self._survey,
            history=self._report,
            scores=lambda: {name: (scores, []) for name, scores in self._scores.items()},
        )

    def _build_node(self, name: str, place: int) -> StackNode:
        cloud, region = _PLACES[place % 3]
        settings: dict[str, Any] = {
            "model": f"0b7f3c52-8f0e-4f57-b6a0-{place:012}",
            "tournament": "signals" if place % 7 == 3 else "classic",
            "cloud": cloud,
            "region": region,
            "size": {"preset": "gen-md", "cpu": 2.0, "memory": 8192},
            "source": "model",
            "context": ".",
            "timeout": 3600,
            "enabled": place % 16 != 11,
            "alerts": {"webhook": "alert-webhook"},
        }
        return StackNode(
            NodeFacts(name, cloud, region, "job", {}), settings["tournament"], settings["model"], None, "", "gen-md",
            f"https://console.{cloud}.example/{name}", settings,
        )  # fmt: skip

    def _record_rounds(self, name: str, place: int) -> list[RoundRecord]:
        usual = self._random.uniform(120, 1500)
        rounds = []
        for age, (number, opened) in enumerate(zip(self._numbers, self._opened, strict=True)):
            chance = self._random.random()
            failed = chance < 0.02 or (age == 0 and place in (4, 22, 37))
            run, called = f"{number}-{place}", opened.timestamp() + 5
            ended = called + 30 + usual * self._random.uniform(0.85, 1.3)
            reason = _REASONS[place % len(_REASONS)] if failed else ""
            records: dict[str, dict[str, Any]] = {
                "1.claim": {"at": called, "run": run},
                f"{run}.ended": {"state": "failed" if failed else "succeeded", "reason": reason, "created": called,
                                 "ended": ended},
            }  # fmt: skip
            if failed:
                records["missed"] = {"at": opened.timestamp() + 3600}
                records["alert-missed.webhook"] = {
                    "at": ended,
                    "title": f"{name}, round {number}: the round was missed",
                }
            else:
                records["submitted"] = {"at": ended, "late": 0.02 < chance < 0.03}
            rounds.append(read_round(number, records))
        return rounds

    def _score(self) -> Scores:
        rounds = []
        for age, (number, opened) in enumerate(zip(self._numbers, self._opened, strict=True)):
            corr, mmc = self._random.gauss(0.012, 0.02), self._random.gauss(0.003, 0.01)
            values = {"CORR": corr, "MMC": mmc} if age > 1 else {}
            resolved = age > 20
            rounds.append(RoundScores(number, opened, opened + timedelta(days=31), resolved, 20.0, corr * 40, values))
        return Scores(tuple(rounds), Rank(self._random.randrange(40, 4000), 20.0), 9.87, self.now)

    def _list_runs(self, name: str) -> list[Run]:
        states = {"succeeded": State.SUCCEEDED, "failed": State.FAILED}
        return [
            Run(run.id, states[run.state], run.created, run.reason, run.created + timedelta(seconds=30),
                run.created + timedelta(seconds=run.seconds or 0), run.id, str(round_.number))
            for round_ in self._history[name] for run in round_.runs
        ]  # fmt: skip

    def _report(self, names: Sequence[str], last: int | None) -> dict[str, list[RoundRecord] | OperationsError]:
        self.requests.append(f"trigger of {self.nodes[names[0]].facts.cloud}")
        return {name: self._history[name][:last] for name in names}

    def _survey(self, names: Sequence[str], tournaments: Sequence[str]) -> tuple[Records, Records]:
        self.requests.append("Numerai")
        rounds = [
            {"number": number, "openTime": opened.isoformat(), "closeTime": (opened + timedelta(hours=1)).isoformat()}
            for number, opened in zip(self._numbers, self._opened, strict=True)
        ]
        sent = {name: [_submit(round_) for round_ in self._history[name][:30] if not round_.reason] for name in names}
        return sent, dict.fromkeys(tournaments, rounds)


def _list_names(count: int) -> list[str]:
    return [f"{_WORDS[place % 10]}-{place // 10 + 1}" for place in range(count)]


def _submit(round_: RoundRecord) -> dict[str, Any]:
    at = (round_.ended or datetime.now(UTC)).isoformat()
    return {"insertedAt": at, "triggerId": round_.runs[0].id, "round": {"number": round_.number}}


def find_first_paint(chrome: Chrome, address: str) -> float:
    """Open a page and return the seconds until its first paint with content."""
    chrome.get("about:blank")
    chrome.get(address)
    deadline = time.monotonic() + 30
    script = "return performance.getEntriesByName('first-contentful-paint').map((entry) => entry.startTime)"
    while time.monotonic() < deadline:
        if times := chrome.execute_script(script):
            return float(times[0]) / 1000
        time.sleep(0.05)
    raise TimeoutError(f"{address} was not painted")


@contextmanager
def _open_chromium() -> Iterator[Chrome]:
    options = ChromeOptions()
    options.binary_location = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    for argument in ("--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server"):
        options.add_argument(argument)
    if os.name == "posix" and os.geteuid() == 0:
        options.add_argument("--no-sandbox")
    chrome = Chrome(options=options, service=Service(shutil.which("chromedriver")))
    try:
        yield chrome
    finally:
        chrome.quit()


@contextmanager
def _serve(deployment: Deployment) -> Iterator[str]:
    ready = threading.Event()
    serving = Serving(Watch(deployment, lambda: None), listen(0), lambda _address, _one_time_address: ready.set())
    thread = threading.Thread(target=serving.serve_until_stopped)
    thread.start()
    ready.wait(30)
    try:
        yield serving.address
    finally:
        serving.should_exit = True
        thread.join()


def main() -> None:
    """Measure, print the figures and exit with 1 if a goal is missed."""
    deployment = Fleet(datetime.now(UTC)).deploy()
    began = time.monotonic()
    document, _ = build_report(deployment, 3)
    size, took = len(document.encode()), time.monotonic() - began
    with tempfile.TemporaryDirectory() as folder, _open_chromium() as chrome, _serve(deployment) as address:
        path = Path(folder) / "report.html"
        path.write_text(document, encoding="utf-8")
        paints = {
            name: statistics.median(find_first_paint(chrome, page) for _ in range(_PAINTS))
            for name, page in (("file", path.as_uri()), ("served", address))
        }
    print(f"{len(deployment.nodes)} nodes: a file of {size / 1e6:.2f} MB, written in {took:.2f} s")
    print(", ".join(f"first paint, {name}: {paint:.2f} s" for name, paint in paints.items()))
    sys.exit(1 if size >= FILE_BYTES or max(paints.values()) >= PAINT_SECONDS else 0)


if __name__ == "__main__":
    main()
