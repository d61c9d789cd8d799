"""A fleet that is divided among two stacks, which are updated from the same folder at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.nodes import node, nodes
from tests.e2e.webhooks import at_numerai
from tests.e2e.world import IDS, MakeWorld

pytestmark = pytest.mark.e2e
STACKS = "stacks:\n  dev:\n    cloud: gcp\n  second:\n    cloud: azure\n"
BOTH = ("dev", "second")


def test_two_stacks_are_updated_at_the_same_time(make_world: MakeWorld) -> None:
    world = make_world(STACKS + nodes(node("alpha", "gcp"), node("beta", "azure", "signals")))
    settings = world.project / "Pulumi.dev.yaml"
    (world.project / "Pulumi.second.yaml").write_text(settings.read_text())
    world.cli.run("stack", "init", "second", "--no-select")

    def run(*arguments: str) -> None:
        with ThreadPoolExecutor(len(BOTH)) as pool:
            list(pool.map(lambda stack: world.cli.run(*arguments, "--stack", stack), BOTH))

    run("up", "--yes", "--skip-preview")
    hooks = at_numerai(world)
    assert hooks[IDS["classic"]] != hooks[IDS["signals"]]
    triggers = world.control.post("/open-round", json={}).json()["triggers"]
    assert [trigger["status"] for trigger in triggers] == [202, 202], triggers
    assert {run["state"] for run in world.finished(2)} == {"SUCCEEDED"}
    run("preview", "--expect-no-changes")
    # The other stack's nodes and their webhooks stay.
    world.cli.run("destroy", "--yes", "--skip-preview", "--stack", "dev")
    assert world.left()["gcp"] == 0
    assert at_numerai(world)[IDS["classic"]] is None
    assert at_numerai(world)[IDS["signals"]] == hooks[IDS["signals"]]
    world.cli.run("destroy", "--yes", "--skip-preview", "--stack", "second")
    assert world.left() == {"aws": 0, "gcp": 0, "azure": 0}
