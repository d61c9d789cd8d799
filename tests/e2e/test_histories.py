"""Ten short histories of random edits in one stack; `make reliability ONLY=histories` plays 200 longer ones."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.e2e.world import MakeWorld
from tests.reliability.updates.histories import History, Player, histories

pytestmark = pytest.mark.e2e
PLAYED = 10


def test_each_up_brings_the_edited_nodes_in_line_and_touches_no_other(make_world: MakeWorld) -> None:
    player = Player(make_world("nodes: {}\n"))

    # Shrinking would take an hour here; the failure shows the history.
    @settings(
        max_examples=PLAYED,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(histories(longest=2))
    def play(history: History) -> None:
        player.play(history, thorough=False)

    try:
        play()
        player.destroy()
    finally:
        player.engine.close()
    assert player.ups >= PLAYED
