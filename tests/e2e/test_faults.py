"""An `up` whose engine or program is killed, whose calls fail, or whose state is damaged: the next one heals it.

`make reliability ONLY=faults` tries every fault at every type of resource. Here is one for each cloud,
and a comparison of the ids by which `pnodes repair` looks for resources.
"""

from __future__ import annotations

import pytest

from providers.clouds import find_cloud
from tests.e2e.person import Person
from tests.e2e.world import MakeWorld, World
from tests.reliability.updates import fleet
from tests.reliability.updates.faults import UP, Stage

pytestmark = pytest.mark.e2e

FAULTS = {
    "aws": ("create", "aws:ecr/repository:Repository", "engine killed after"),
    "gcp": ("create", "gcp:secretmanager/secret:Secret", "program killed"),
    "azure": ("create", "azure-native:authorization:RoleAssignment", "engine killed after"),
}


def forms_differ(world: World, cloud: str) -> dict[str, tuple[str | None, str]]:
    """Return the types whose id in the state is not the one that `pnodes repair` would look for."""
    resources = fleet.read_state(world)
    differing: dict[str, tuple[str | None, str]] = {}
    for resource in resources.values():
        provider = resources.get(str(resource.get("provider")).rpartition("::")[0], {})
        values = {**(provider.get("inputs") or {}), **(resource.get("inputs") or {})}
        expected = find_cloud(cloud).find_id(resource["type"], values)
        # The sandbox's ids on AWS contain the region where AWS's do not.
        if expected and resource["id"] not in (expected, f"{values.get('region')}:{expected}"):
            differing[resource["type"]] = (expected, resource["id"])
    return differing


@pytest.mark.parametrize("cloud", sorted(FAULTS))
def test_the_next_up_heals_a_fault(cloud: str, make_world: MakeWorld) -> None:
    stage = Stage(make_world("nodes: {}\n"), cloud)
    assert forms_differ(stage.world, cloud) == {}
    outcome = stage.try_fault(*FAULTS[cloud])
    assert outcome.happened, outcome
    assert outcome.survived, outcome
    if cloud == "aws":
        damage_the_state(stage)
    stage.close()


def damage_the_state(stage: Stage) -> None:
    """`pnodes repair` makes a truncated state, and one whose attributes were not written, readable again."""
    world, person = stage.world, Person(stage.world)
    state = world.cli.folder / ".state/.pulumi/stacks/prediction-nodes/dev.json"
    text = state.read_bytes()
    for file, damaged in ((state, text[: len(text) // 2]), (state.with_suffix(".json.attrs"), b"")):
        file.write_bytes(damaged)
        assert stage.engine.run("preview").code
        person.pnodes("repair", "--yes")
        assert file.name in person.said
        assert "The stack is repaired; run `pulumi up`." in person.said
    ended = stage.engine.run(*UP)
    assert ended.code == 0, ended.text
    assert fleet.compare(world).agrees
    assert stage.serves()
