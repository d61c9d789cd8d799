"""The history of rounds on three clouds: one that only the watch could save, and one that nobody could."""

from __future__ import annotations

import pytest

from tests.e2e.nodes import CLOUDS, spread
from tests.e2e.person import Person
from tests.e2e.world import SUBMITTING_PREDICT, MakeWorld, World
from tests.waiting import wait_until

pytestmark = pytest.mark.e2e
NAMES = sorted(f"on-{cloud}" for cloud in CLOUDS)


def open_round(world: World, seconds: int) -> int:
    """Open a round whose webhooks are lost."""
    round_ = {"tournament": "classic", "lost": True, "open_for": seconds}
    return int(world.control.post("/open-round", json=round_).json()["round"])


def look(world: World) -> None:
    """Let each cloud's scheduler start a pass of the watch."""
    world.control.post("/tick", json={"minute": "2026-11-27T12:05:00Z"}).raise_for_status()


def test_rounds_are_shown_and_checked(make_world: MakeWorld) -> None:
    world = make_world("")
    world.nodes(spread(world, **dict.fromkeys(CLOUDS, "watch: {after: 1s}\n")))
    world.model("quick", SUBMITTING_PREDICT)
    world.cli.up()
    person = Person(world)
    assert person.pnodes("status", "--check") == ""
    assert person.pnodes("history", "on-gcp") == "on-gcp: no round yet\n"

    saved = open_round(world, 3600)

    def have_started() -> bool:
        look(world)
        return len(world.runs()) >= 3

    wait_until(have_started, "the watch has not started every node", 60)
    world.finished(3)

    def read_outcomes() -> list[str]:
        look(world)
        nodes = person.json("history")["nodes"]
        assert [node["name"] for node in nodes] == NAMES
        return [round_["outcome"] for node in nodes for round_ in node["rounds"]]

    wait_until(lambda: read_outcomes() == ["submitted"] * 3, lambda: str(person.json("history")), 60)
    for node in person.json("history")["nodes"]:
        (round_,) = node["rounds"]
        assert (round_["round"], round_["started_by"], round_["repeats"]) == (saved, "watch", 0)
        assert [run["state"] for run in round_["runs"]] == ["succeeded"]
        assert node["availability"] == 100
    assert person.pnodes("status", "--check") == ""

    lost = open_round(world, 1)
    wait_until(lambda: read_outcomes() == ["missed", "submitted"] * 3, lambda: str(person.json("history")), 60)
    assert person.pnodes("history").count("1 of 2 rounds in time, 50 %") == 3
    lines = person.pnodes("status", "--check", code=1).splitlines()
    assert lines == [f"{name}: round {lost} was missed: no run was started" for name in NAMES]
