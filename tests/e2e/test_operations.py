"""The day-to-day commands with one node on each of the three clouds, which are deployed once for all tests here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.nodes import CLOUDS, spread
from tests.e2e.person import Person
from tests.e2e.world import SUBMITTING_PREDICT, World
from tests.waiting import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("tests/e2e/test_operations.py")]


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory, environments: Path) -> Iterator[World]:
    """Deploy the three nodes; `up` takes most of these tests' time."""
    world = World(tmp_path_factory.mktemp("operations"), environments, "nodes: {}\n")
    try:
        world.model("quick", SUBMITTING_PREDICT)
        world.nodes(spread(world))
        world.cli.up()
        yield world
    finally:
        world.stop()


@pytest.fixture
def world(deployed: World) -> World:
    """Write the nodes.yaml that was deployed."""
    deployed.nodes(spread(deployed))
    return deployed


def test_a_day_with_three_nodes(world: World) -> None:
    person = Person(world)
    names = [f"on-{cloud}" for cloud in CLOUDS]
    assert "never ran" in person.pnodes("status")

    found = person.json("test", *names)["nodes"]
    assert [each["passed"] for each in found] == [True, True, True]
    assert not [step for each in found for step in each["steps"] if not step["passed"]]

    document = person.json("status")
    for each in document["nodes"]:
        assert (each["run"]["state"], each["run"]["round"], each["submission_of_this_run"]) == (
            "SUCCEEDED",
            "test",
            True,
        )
    assert document["rounds"]["classic"]["number"]
    table = person.pnodes("status")
    assert table.count("SUCCEEDED") == 3
    assert table.count("of this run") == 3

    started = person.json("trigger", "on-azure")
    assert started["status"] == "started"
    world.finished(4)
    newest = next(each for each in person.json("status")["nodes"] if each["name"] == "on-azure")
    assert (newest["run"]["id"], newest["run"]["trigger_id"]) == (started["job"], None)
    assert newest["submission"]["triggerId"] is None

    for name in names:
        assert person.pnodes("logs", name).splitlines() == [f"predicting {name}", "submitted"]
        assert "POST pred -> 202 started" in person.pnodes("logs", name, "--trigger")


def test_one_node_is_released_while_the_others_wait_and_sleeping_jobs_are_stopped(world: World) -> None:
    person = Person(world)
    world.nodes(spread(world, **dict.fromkeys(CLOUDS, "env: {SLEEP: '1'}")))
    person.pnodes("release", "on-gcp", "--yes")
    changed = world.cli.steps()
    assert {urn.split("::")[1].partition("@")[0] for urn in changed} == {"on-aws", "on-azure"}, changed

    world.cli.up()
    for name in (f"on-{cloud}" for cloud in CLOUDS):
        job = person.json("trigger", name)["job"]
        (ended,) = person.json("stop", name)["runs"]
        assert (ended["id"], ended["state"]) == (job, "CANCELLED")
        person.pnodes("stop", name, code=1)
        assert f"No run of {name} is active." in person.said
    assert {each["run"]["state"] for each in person.json("status")["nodes"]} == {"CANCELLED"}


def test_what_goes_wrong_is_told_with_its_step_and_its_lines(world: World) -> None:
    person = Person(world)
    world.nodes(spread(world, **dict.fromkeys(CLOUDS, "env: {FAIL: '1'}")))
    world.cli.up()
    names = [f"on-{cloud}" for cloud in CLOUDS]
    shown = person.pnodes("test", *names, code=1)
    for name in names:
        assert f"stopped {name} at step 3 of 4, container started" in shown
    assert shown.count("the job failed: ") == 3
    assert shown.count("the model's own failure") == 3
    assert "the model's own failure" in person.pnodes("logs", "on-aws", code=1)

    world.nodes(spread(world, **dict.fromkeys(CLOUDS, "enabled: false")))
    world.cli.up()
    # The trigger reads its table every five seconds.
    wait_until(lambda: "\npassed on-gcp" not in person.try_pnodes("test", "on-gcp"), "on-gcp is still enabled")
    assert "stopped on-gcp at step 1 of 4, webhook reached" in person.said
    assert "disabled in nodes.yaml" in person.said

    person.pnodes("test", "on-gpc", code=2)
    assert 'Did you mean "on-gcp"?' in person.said
