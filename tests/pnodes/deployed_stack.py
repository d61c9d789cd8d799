"""A deployed stack in memory, which answers the commands in place of the engine, the clouds and Numerai."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import httpx
import pytest

from pnodes.deployed.accounts import Accounts
from pnodes.deployed.stack import DeployedStack
from pnodes.pulumi import Pulumi
from providers.numerai.client import Client
from providers.operations import LogLine, NodeFacts, NodeOperations, OperationsError, Run, State

NOW = datetime.now(UTC)
CLOUDS = {"alpha": "aws", "beta": "gcp", "gamma": "azure"}
DONE = Run("run-2", State.SUCCEEDED, NOW, "", NOW, NOW + timedelta(seconds=75), "t-1", "371")


@dataclass
class Node(NodeOperations):
    """A node on a simulated cloud."""

    name: str
    known: list[Run] = field(default_factory=lambda: [DONE, Run("run-1", State.FAILED, NOW, "exit code 1", NOW, NOW)])
    lines: list[str] = field(default_factory=lambda: ["[red] first", "last"])
    calls: list[str] = field(default_factory=list)
    broken: str = ""
    stopped: list[str] = field(default_factory=list)
    poll_seconds: ClassVar[float] = 0.0
    lag_seconds: ClassVar[float] = 0.0

    def runs(self, limit: int = 10) -> list[Run]:
        if self.broken:
            raise OperationsError(self.broken)
        return self.known[:limit]

    def run(self, run_id: str) -> Run:
        return next(run for run in self.known if run.id == run_id)

    def log(self, run: Run, since: datetime | None = None, limit: int = 1000) -> list[LogLine]:
        return [LogLine(NOW, text, text) for text in self.lines][-limit:]

    def trigger_log(self, since: datetime | None = None, limit: int = 1000) -> list[LogLine]:
        return [LogLine(NOW, text, text) for text in self.calls][-limit:]

    def stop(self, run: Run) -> None:
        self.stopped.append(run.id)
        self.known = [Run(run.id, State.CANCELLED, run.created) if old.id == run.id else old for old in self.known]


class Deployed:
    """`nodes` by name; `asked`: the commands sent to the engine; `sent`: the submissions of each model.

    `rounds`: the records of each node's rounds; `refused`: status and reason of a trigger that does not return them.
    """

    def __init__(self) -> None:
        self.nodes = {name: Node(name) for name in CLOUDS}
        self.asked: list[list[str]] = []
        self.questions: list[dict[str, Any]] = []
        """What the triggers were asked."""
        self.sent: dict[str, list[dict[str, Any]]] = {}
        self.registered: dict[str, str | None] = {}
        """The webhooks at Numerai that are not the stack's, by model."""
        self.listed = 0
        """How often Numerai was asked for the webhooks."""
        self.rounds: dict[str, dict[str, Any]] = {}
        self.refused: dict[str, tuple[int, str] | httpx.HTTPError] = {}
        self.outputs: dict[str, Any] = {
            "webhooks": {name: f"https://{name}.example/pred/m-{name}?token=SECRET" for name in CLOUDS},
            "nodes": {
                name: {"cloud": cloud, "region": "here", "tournament": "classic", "model_id": f"m-{name}", "job": name}
                for name, cloud in CLOUDS.items()
            },
        }

    def ask(self, *arguments: str) -> dict[str, Any]:
        """Replaces the engine."""
        self.asked.append(list(arguments))
        return self.outputs if arguments[0] == "stack" else {}

    def of(self, facts: NodeFacts) -> NodeOperations:
        """Replaces the clouds."""
        return self.nodes[facts.name]

    def query_trigger(self, url: str, json: dict[str, Any], timeout: float) -> httpx.Response:
        """Replaces the triggers."""
        self.questions.append(json)
        models = {node["model_id"]: name for name, node in self.outputs["nodes"].items()}
        names = [models[model] for model, _ in json["nodes"]]
        webhooks = [self.outputs["webhooks"][name] for name in names]
        assert url == webhooks[0].partition("/pred/")[0] + "/rounds"
        assert [token for _, token in json["nodes"]] == [webhook.partition("?token=")[2] for webhook in webhooks]
        refusal = self.refused.get(names[0])
        if isinstance(refusal, httpx.HTTPError):
            raise refusal
        if refusal:
            return httpx.Response(refusal[0], json={"status": "refused", "reason": refusal[1]})
        answers = []
        for name in names:
            rounds = self.rounds.get(name, {})
            newest = sorted(rounds, key=int)[-(json["last"] or 200) :]
            answers.append({"node": name, "rounds": {number: rounds[number] for number in newest}})
        return httpx.Response(200, json={"nodes": answers})

    def survey(
        self, models: Sequence[str], tournaments: Sequence[int]
    ) -> tuple[dict[str, list[dict[str, Any]]], dict[int, list[dict[str, Any]]]]:
        """Replaces Numerai."""
        rounds = [{"number": 370, "openTime": NOW.strftime("%Y-%m-%dT00:00:00Z")}]
        return {model: self.submissions(model) for model in models}, dict.fromkeys(tournaments, rounds)

    def webhooks(self) -> dict[str, str | None]:
        """Replaces Numerai."""
        self.listed += 1
        own = {node["model_id"]: self.outputs["webhooks"][name] for name, node in self.outputs["nodes"].items()}
        return {**own, **self.registered}

    def submissions(self, model_id: str) -> list[dict[str, Any]]:
        """Replaces Numerai."""
        return self.sent.get(model_id, [])


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Deployed:
    """Replace the selected stack by one in memory."""
    stack = Deployed()
    opens = (NOW - timedelta(minutes=5), NOW + timedelta(minutes=55))
    times = [moment.strftime("%Y-%m-%dT%H:%M:%SZ") for moment in opens]
    current = {"number": 371, "openTime": times[0], "closeTime": times[1], "closeStakingTime": times[1]}
    monkeypatch.setattr(Pulumi, "read_json", lambda _self, *arguments: stack.ask(*arguments))
    monkeypatch.setattr(Accounts, "of", lambda _self, node: stack.of(node.facts))
    monkeypatch.setattr(DeployedStack, "numerai", lambda _self, _account: stack)
    monkeypatch.setattr(httpx, "post", stack.query_trigger)
    monkeypatch.setattr(Client, "current_round", lambda _self, _tournament: current)
    return stack
