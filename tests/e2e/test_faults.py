"""An `up` whose engine is killed, and a state that is damaged: the next `up` heals both.

`make reliability ONLY=faults` tries every fault at every type of resource; here is the worst one: a fixed name.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.person import Person
from tests.e2e.world import MakeWorld
from tests.reliability.updates import fleet
from tests.reliability.updates.faults import UP, Stage
from tests.reliability.updates.resident import Ended

pytestmark = pytest.mark.e2e


def find_failure(report: Any) -> dict[str, Any]:
    """Return the doctor's only failure among the findings about the engine and the stack."""
    (failure,) = [each for each in report["sections"][0]["findings"] if each["level"] == "failed"]
    return dict(failure)


class Examined(Stage):
    """A stage whose user asks the doctor after a fault."""

    def heal(self) -> Ended:
        self.found = find_failure(Person(self.world).json("doctor", code=1))
        return super().heal()


def test_the_next_up_heals_a_fault(make_world: MakeWorld) -> None:
    stage = Examined(make_world("nodes: {}\n"), "aws")
    outcome = stage.try_fault("create", "aws:ecr/repository:Repository", "engine killed after")
    assert outcome.happened, outcome
    assert outcome.survived, outcome
    assert (stage.found["check"], stage.found["mend"].split("  ")[0]) == ("state", "pnodes repair")
    assert "1 creation may have taken place: aws:ecr/repository:Repository " in stage.found["text"]
    assert Person(stage.world).json("doctor")["ok"]
    damage_the_state(stage)


def damage_the_state(stage: Stage) -> None:
    """`pnodes repair` makes a truncated state, and one whose attributes were not written, readable again."""
    world, person = stage.world, Person(stage.world)
    state = world.cli.folder / ".state/.pulumi/stacks/prediction-nodes/dev.json"
    text = state.read_bytes()
    for file, damaged in ((state, text[: len(text) // 2]), (state.with_suffix(".json.attrs"), b"")):
        file.write_bytes(damaged)
        assert stage.engine.run("preview").code
        assert find_failure(person.json("doctor", code=1))["mend"] == "pnodes repair"
        person.pnodes("repair", "--yes")
        assert file.name in person.said
        assert "The stack is repaired; run `pulumi up`." in person.said
    ended = stage.engine.run(*UP)
    assert ended.code == 0, ended.text
    assert fleet.compare(world).agrees
    assert stage.serves()
