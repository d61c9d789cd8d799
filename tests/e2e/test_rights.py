"""No identity of a stack holds a right that no operation needs: the short form of `make reliability ONLY=rights`.

The real engine deploys nodes with all features that take rights, and builds, triggers, watches and jobs do their work.
Then each right is removed from a copy of the clouds' policies, and the checks that the sandbox made meanwhile are
repeated: at least one must be refused.
"""

from __future__ import annotations

import pytest

from sandbox.store import Store
from tests.e2e.nodes import CLOUDS, spread
from tests.e2e.world import MakeWorld
from tests.reliability.rights.checks import Checks
from tests.reliability.rights.held import list_rights
from tests.reliability.rights.real import ON_A_REAL_CLOUD, find_reason
from tests.reliability.rights.work import FEATURES, prepare, submit_a_round, submit_without

pytestmark = pytest.mark.e2e
FEWEST = {"aws": 40, "gcp": 25, "azure": 15}
"""How many rights a cloud's identities hold at least: fewer means that some are not listed."""


def test_each_right_is_needed_by_an_operation(make_world: MakeWorld) -> None:
    world = make_world("")
    world.nodes(spread(world, **FEATURES))
    prepare(world)
    submit_a_round(world)
    submit_without(world, "aws")
    world.stop()
    store = Store(world.home)
    unchecked: list[str] = []
    for cloud in CLOUDS:
        checks = Checks(cloud, world.home, store)
        assert checks.find_refused(None) == [], "these checks are not repeated as they were made"
        rights = list_rights(cloud, store)
        assert len(rights) >= FEWEST[cloud]
        unchecked += [str(right) for right in rights if not checks.find_refused(right)]
    superfluous = [right for right in unchecked if not find_reason(right)]
    assert not superfluous, "no operation needs these rights: remove them, or let the sandbox check them"
    assert len(unchecked) == len(ON_A_REAL_CLOUD), unchecked
