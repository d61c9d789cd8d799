"""The watch in the sandbox: a round whose webhooks are lost is still submitted, by each cloud's own scheduler."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.nodes import CLOUDS, spread
from tests.e2e.world import SUBMITTING_PREDICT, MakeWorld, World
from tests.waiting import wait_until

pytestmark = pytest.mark.e2e
WATCH = "watch: {after: 1s}\n"
PASS = "2026-11-27T12:05:00Z"


def look(world: World) -> int:
    """Let each cloud's scheduler start a pass, and wait until it has ended. Returns the number of runs."""
    world.control.post("/tick", json={"minute": PASS}).raise_for_status()
    return len(world.runs())


def submitted(world: World, number: int) -> set[str]:
    items: list[dict[str, Any]] = world.control.get("/submissions").json()["submissions"]
    return {item["model_id"] for item in items if item["round"] == number}


def test_a_round_whose_webhooks_are_lost_is_submitted(make_world: MakeWorld) -> None:
    world = make_world("")
    world.nodes(spread(world, **dict.fromkeys(CLOUDS, WATCH)))
    world.model("quick", SUBMITTING_PREDICT)
    world.cli.up()
    assert look(world) == 0
    number = world.control.post("/open-round", json={"tournament": "classic", "lost": True}).json()["round"]
    wait_until(lambda: look(world) >= 3, "the watch has not started every node", 60)
    runs = world.finished(3)
    assert {(run["cloud"], run["state"]) for run in runs} == {(cloud, "SUCCEEDED") for cloud in CLOUDS}, [
        world.log(run["run_id"]) for run in runs
    ]
    assert len(submitted(world, number)) == 3
    assert (look(world), look(world)) == (3, 3)
    for url in world.cli.outputs()["webhooks"].values():
        late = world.call(url, "99361e43-0000-4000-8000-73c29c720001", roundNumber=number)
        assert (late.status_code, late.json()["status"]) == (200, "already started"), late.text
