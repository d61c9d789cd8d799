"""The running sandbox: its Numerai opens rounds and repeats failed calls; jobs that a cloud fails start again."""

from __future__ import annotations

import json
import uuid

import pytest

from tests.e2e.nodes import CLOUDS, spread
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


def test_only_aws_starts_a_job_again_and_none_whose_model_failed(make_world: MakeWorld) -> None:
    world = make_world("")
    world.nodes(spread(world))
    world.cli.up()
    urls = world.cli.outputs()["webhooks"]
    for cloud in CLOUDS:
        fault = {"where": f"on-{cloud}", "method": "START", "reason": "CannotPullContainerError: toomanyrequests"}
        world.control.post(f"/faults/{cloud}", json=fault).raise_for_status()
        assert world.call(urls[f"on-{cloud}"], str(uuid.uuid4())).status_code == 202
    ends = {run["cloud"]: (run["state"], len(run["attempts"])) for run in world.finished(3)}
    # The others count all failures alike, and could start a model twice that has submitted before it failed.
    assert ends == {"aws": ("SUCCEEDED", 1), "gcp": ("FAILED", 0), "azure": ("FAILED", 0)}
    (run,) = (run for run in world.runs() if run["cloud"] == "aws")
    assert json.loads(world.log(run["run_id"]))["TRIGGER_ID"] == run["trigger_id"]

    world.model("quick", "raise SystemExit(3)\n")
    world.cli.up()
    for url in urls.values():
        assert world.call(url, str(uuid.uuid4())).status_code == 202
    ends = {run["cloud"]: (run["exit_code"], len(run["attempts"])) for run in world.finished(6)[3:]}
    assert ends == dict.fromkeys(CLOUDS, (3, 0))
