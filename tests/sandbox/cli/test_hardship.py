"""The demo's last step with stand-ins for the engine and the control API; CI's demo runs it for real."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from nodefile import Node
from pnodes.errors import UserError
from pnodes.pulumi import Pulumi
from providers.checks import load_checked
from sandbox.cli import hardship
from sandbox.cli.control import Control, RunRecord, Submission

MODELS = ["5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c04", "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c05"]


class World:
    """The engine and the control API; `moments` are the runs and submissions that each pass finds."""

    def __init__(self, folder: Path, moments: list[tuple[list[RunRecord], list[str]]]) -> None:
        self.folder, self.moments = folder, moments
        self.free = MODELS
        self.done: list[str] = []
        self.nodes: dict[str, Node] = {}

    def read(self, *arguments: str) -> str:
        if arguments[0] == "up":
            self.nodes = {node.name: node for node in load_checked(self.folder / "nodes.yaml").nodes}
        self.done.append(arguments[0])
        return ""

    def list_free_models(self, _tournament: str) -> list[str]:
        return self.free

    def set_outage(self, cloud: str, down: bool) -> None:
        self.done.append(f"{cloud} {'down' if down else 'back'}")

    def order_crash(self, cloud: str, job: str, reason: str) -> None:
        self.done.append(f"crash {job}")

    def open_lost_round(self, _tournament: str) -> int:
        self.done.append("round")
        return 7

    def tick(self, _minute: object) -> None:
        if len(self.moments) > 1 and "round" in self.done:
            self.moments.pop(0)

    def list_runs(self) -> list[RunRecord]:
        return self.moments[0][0]

    def list_submissions(self) -> list[Submission]:
        return [Submission(model, None, 7, 100, "classic") for model in self.moments[0][1]]


def run(job: str, state: str, number: int, reason: str = "") -> RunRecord:
    return RunRecord("gcp", job, f"r-{number}", state, reason, "", 1.0, None, None)


def show(world: World) -> list[str]:
    lines: list[str] = []
    hardship.show_hardship(cast("Pulumi", world), cast("Control", world), lines.append)
    return lines


def test_each_change_is_told_once_and_the_stack_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardship, "_PAUSE", 0)
    crashed, rescue = run("epsilon-1", "FAILED", 1, hardship.CRASH), run("delta-rescue-1", "SUCCEEDED", 3)
    second = [run("epsilon-1", state, 2) for state in ("RUNNING", "SUCCEEDED")]
    moments: list[Any] = [([], []), ([crashed], []), ([crashed, second[0]], []), ([crashed, second[0]], [])]
    moments.append(([crashed, second[1], replace(rescue, state="RUNNING")], MODELS))
    moments.append(([crashed, second[1], rescue], MODELS))
    world = World(tmp_path / "hardship", moments)
    assert show(world) == [
        "Round 7 is open. No webhook arrives, AWS is down, and the first job of epsilon will crash.",
        "  epsilon: the watch's job failed (its machine was lost)",
        "  epsilon: the watch's job runs",
        "  epsilon: the watch's job has succeeded",
        "  delta: its rescue on Google Cloud runs",
        "  delta: submitted",
        "  epsilon: submitted",
        "  delta: its rescue on Google Cloud has succeeded",
        "Both nodes have submitted although no webhook came, a job crashed and a cloud was down.",
    ]
    assert world.done == ["stack", "up", "aws down", "crash epsilon", "round", "aws back", "destroy"]
    assert {name: node.model for name, node in world.nodes.items()} == dict(
        zip(("delta", "epsilon"), MODELS, strict=True)
    )
    assert not world.folder.exists()


def test_a_round_that_is_missed_fails_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardship, "_SECONDS", 0)
    world = World(tmp_path / "hardship", [([], [])])
    with pytest.raises(UserError, match="Not all nodes have submitted round 7"):
        show(world)
    assert world.done[-2:] == ["aws back", "destroy"]
    assert not world.folder.exists()


def test_without_free_models_the_step_is_left_out(tmp_path: Path) -> None:
    world = World(tmp_path / "hardship", [([], [])])
    world.free = MODELS[:1]
    assert show(world) == ["This step is left out: nodes.yaml uses all Classic models of the sandbox."]
    assert world.done == []
