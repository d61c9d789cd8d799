"""The running sandbox: its Numerai opens rounds automatically and repeats failed webhook calls."""

from __future__ import annotations

import pytest

from tests.e2e.webhooks import by_hand
from tests.e2e.world import IDS, MakeWorld
from tests.waiting import wait_until

pytestmark = pytest.mark.e2e


def test_rounds_come_by_a_clock_and_failed_calls_come_again(make_world: MakeWorld) -> None:
    world = make_world("nodes: {}\n")
    by_hand(world, IDS["classic"], "https://nobody.example/hook")
    (first,) = world.control.post("/open-round", json={"open_for": 60}).json()["triggers"]
    assert not 200 <= first["status"] < 300
    (again,) = world.control.post("/retry-webhooks").json()["triggers"]
    assert (again["trigger_id"], again["calls"]) == (first["trigger_id"], 2)
    assert world.control.post("/retry-webhooks").json()["triggers"] == []
    refused = world.control.post("/clock", json={"every": 1})
    assert refused.status_code == 422, refused.text
    assert "every: expected at least 10 seconds" in refused.json()["detail"]

    clock = world.control.post("/clock", json={"every": 10, "tournament": "signals"}).json()["clock"]
    assert world.control.get("/status").json()["clock"] == clock
    wait_until(
        lambda: world.control.get("/status").json()["clock"]["next"] != clock["next"],
        "the daemon does not look at its clock",
        120,
    )
    assert world.control.post("/clock", json={"every": None}).json() == {"clock": None}
    number = world.control.post("/open-round", json={"tournament": "crypto"}).json()["round"]
    assert number >= first["round"] + 2, "the clock has opened one in between"
