"""Ten short histories of random edits in one stack; `make reliability ONLY=histories` plays 200 longer ones."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from providers.clouds import list_clouds
from tests.e2e.world import MakeWorld, World
from tests.reliability.updates import fleet
from tests.reliability.updates.histories import History, Player, histories

pytestmark = pytest.mark.e2e
PLAYED = 10


def differing_ids(world: World) -> dict[str, tuple[str, str]]:
    """Return the types whose id in the state is not the one that `pnodes repair` would look for."""
    resources = fleet.read_state(world)
    differing: dict[str, tuple[str, str]] = {}
    for resource in resources.values():
        provider = resources.get(str(resource.get("provider")).rpartition("::")[0], {})
        values = {**(provider.get("inputs") or {}), **(resource.get("inputs") or {})}
        expected = next(filter(None, (cloud.find_id(resource["type"], values) for cloud in list_clouds())), None)
        # The sandbox's ids on AWS contain the region where AWS's do not.
        if expected and resource["id"] not in (expected, f"{values.get('region')}:{expected}"):
            differing[resource["type"]] = (expected, resource["id"])
    return differing


@pytest.mark.long
def test_each_up_brings_the_edited_nodes_in_line_and_touches_no_other(make_world: MakeWorld) -> None:
    player = Player(make_world("nodes: {}\n"))

    # Shrinking would take an hour here; the failure shows what was done.
    @settings(
        max_examples=PLAYED,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(histories(longest=1))
    def play(history: History) -> None:
        player.play(history, thorough=False)

    play()
    player.preview()
    assert differing_ids(player.world) == {}
    player.destroy()
    assert player.ups >= PLAYED
