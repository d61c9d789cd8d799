"""From a pickle to a submitted round in two commands, `pnodes new` and `pulumi up`, in a real container."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.person import Person
from tests.e2e.world import IDS, MakeWorld
from tests.needs_containers import engine_and_bases
from tests.nodefile.pickled import write

pytestmark = [pytest.mark.e2e, pytest.mark.containers, pytest.mark.timeout(900)]


def test_a_pickle_becomes_a_node_that_submits(make_world: MakeWorld, tmp_path: Path) -> None:
    engine_and_bases(tmp_path / "trial")
    world = make_world("defaults: {size: gen-xs}\n", executor="container")
    # The substitute for python:3.13-slim has this Python, too.
    write(world.project / "model.pkl", "3.13", "benchmarked")
    person = Person(world)
    person.pnodes("new", "mine", "--pickle", "model.pkl", "--model", IDS["classic"], "--python", "3.13-slim")
    assert "model.pkl was created with Python 3.13" in person.said
    world.cli.up()

    (trigger,) = world.control.post("/open-round", json={"tournament": "classic"}).json()["triggers"]
    (run,) = world.finished(1)
    assert run["reason"] == "", world.log(run["run_id"])
    (record,) = world.control.get("/submissions").json()["submissions"]
    assert (record["trigger_id"], record["known_trigger"], record["state"]) == (trigger["trigger_id"], True, "on-time")
    assert record["rows"] == 500
    assert f"submitted: {record['id']}" in world.log(run["run_id"])
