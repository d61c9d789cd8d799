"""Faults of an `up` at each type of resource, and what the next `up` makes of them.

A node is at work before; the `up` that adds a second one in another region, changes it or removes it meets a fault at
one resource. Meanwhile, the first node must answer its webhook and run.
"""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pnodes.urn import split_urn
from sandbox.steps import StepFault
from tests.e2e.webhooks import at_numerai
from tests.e2e.world import World
from tests.reliability.updates import fleet
from tests.reliability.updates.fleet import Wanted
from tests.reliability.updates.resident import Ended, Resident

KINDS = {
    "engine killed before": ("engine", False),
    "engine killed after": ("engine", True),
    "program killed": ("program", False),
    "call fails": ("", False),
    "answer lost": ("", True),
}
"""Kind of fault -> what is killed, and whether the step has taken effect."""
OPERATIONS = ("create", "update", "delete")
UP = ("up", "--yes", "--skip-preview")


@dataclass
class Outcome:
    """What became of one fault."""

    cloud: str
    type: str
    operation: str
    fault: str
    happened: bool
    converged: bool = False
    """The next `up` succeeded, and a preview after it is empty."""
    orphans: tuple[str, ...] = ()
    """Types of resources that the state does not know in the end."""
    served: bool = False
    """The node at work answered its webhook, and its job succeeded, between the fault and the next `up`."""
    problem: str = ""

    @property
    def survived(self) -> bool:
        """Whether nothing is left of the fault."""
        return self.converged and not self.orphans and self.served


class Stage:
    """A world with a node at work, and three states of nodes.yaml through which another node goes."""

    def __init__(self, world: World, cloud: str) -> None:
        self.world, self.cloud, self.engine = world, cloud, Resident(world)
        first, second = fleet.list_models()[0], fleet.list_models()[3]
        self.kept = Wanted("kept", first, cloud, fleet.HOMES[cloud])
        added = Wanted("added", second, cloud, fleet.AWAY[cloud])
        world.model("other")
        self.files = {
            "create": (self.kept, added),
            "update": (self.kept, fleet.change(added, "other")),
            "delete": (self.kept,),
        }
        fleet.write(world, [self.kept])
        self._succeed(self.engine.run(*UP))
        (self._webhook,) = filter(None, at_numerai(world).values())
        self._rounds = 0

    def types(self) -> Iterator[tuple[str, str]]:
        """Yield operation and type of every step of the three edits, which this method makes."""
        for operation, wanted in self.files.items():
            fleet.write(self.world, wanted)
            steps = self._succeed(self.engine.run(*UP)).steps()
            kinds = {(_operation(step), split_urn(urn).type) for urn, step in steps.items()}
            yield from sorted((operation, type_) for step, type_ in kinds if step == operation and _custom(type_))

    def try_fault(self, operation: str, type_: str, kind: str) -> Outcome:
        """Make the edit of this operation with a fault at the first resource of the type; then `up` again."""
        killed, effect = KINDS[kind]
        held = str(self.world.home / "held") if killed else ""
        fault = StepFault(operation, f"{type_}::", effect, held)
        fleet.write(self.world, self.files[operation])
        package = type_.split(":")[0]
        dynamic = package == "pulumi-python"
        if not dynamic:
            self.engine.order(package, fault)
        # One step at a time, so that no other resource is being created when the engine is killed.
        ended = self.engine.run(*UP, "--parallel", "1", faults=[fault] if dynamic else [], kill=killed)
        self.world.control.delete("/steps").raise_for_status()
        outcome = Outcome(self.cloud, type_, operation, kind, happened=ended.code != 0)
        outcome.served = self.serves()
        if ended.code == 0:
            outcome.converged = True
            return outcome
        ended = self.heal()
        content = fleet.compare(self.world)
        outcome.orphans = tuple(sorted(kind for kind, _ in content.orphans))
        if ended.code:
            outcome.problem = explain(ended)
        elif content.missing or content.strays:
            outcome.problem = f"missing: {sorted(content.missing | content.strays)}"
        else:
            preview = self.engine.run("preview", "--expect-no-changes")
            outcome.converged = preview.code == 0
            outcome.problem = "" if outcome.converged else f"the second preview is not empty: {preview.steps()}"
        return outcome

    def edit(self, operation: str) -> None:
        """Make the edit of this operation, without a fault."""
        fleet.write(self.world, self.files[operation])
        self._succeed(self.engine.run(*UP))

    def heal(self) -> Ended:
        """Do what the documentation says after a failed `up`: `up` again, and `pnodes repair` if it asks for that."""
        ended = self.engine.run(*UP)
        if ended.code and ("currently locked" in ended.text or "failed to load checkpoint" in ended.text):
            self.engine.repair()
            ended = self.engine.run(*UP)
        return ended

    def serves(self) -> bool:
        """Call the first node's webhook as Numerai does; return whether its job succeeds."""
        answer = self.world.call(self._webhook, str(uuid.uuid4()))
        if answer.status_code != 202:
            return False
        self._rounds += 1
        return bool(self.world.finished(self._rounds)[-1]["state"] == "SUCCEEDED")

    @staticmethod
    def _succeed(ended: Ended) -> Ended:
        assert ended.code == 0, ended.text
        return ended


def _custom(type_: str) -> bool:
    return not type_.startswith(("pulumi:", "prediction-nodes:"))


def _operation(step: str) -> str:
    """Return the provider's call of a step."""
    return {"create-replacement": "create", "delete-replaced": "delete"}.get(step, step)


def explain(ended: Ended) -> str:
    """Return the reason for which a command failed."""
    lines = [line.strip() for line in ended.text.splitlines()]
    errors = [line for line in lines if line.startswith("error:") and "update failed" not in line]
    return errors[0] if errors else "\n".join(lines[-5:])


def dump(outcome: Outcome) -> str:
    """Return an outcome as a line of JSON."""
    return json.dumps(asdict(outcome) | {"survived": outcome.survived})


def try_all(cloud: str, kinds: Sequence[str], folder: Path) -> Iterator[Outcome]:
    """Try these kinds of faults at every operation on every type of a cloud. A stage that did not heal is replaced."""
    worlds = 0

    def build() -> Stage:
        nonlocal worlds
        worlds += 1
        return Stage(World(folder / f"{cloud}-{worlds}", folder / "environments", "nodes: {}\n"), cloud)

    stage = build()
    steps = set(stage.types())
    for type_, kind in itertools.product(sorted({type_ for _, type_ in steps}), kinds):
        for operation in OPERATIONS:
            if (operation, type_) not in steps:
                stage.edit(operation)
                continue
            outcome = stage.try_fault(operation, type_, kind)
            yield outcome
            if not outcome.converged or outcome.orphans:
                stage.world.stop()
                stage = build()
                for earlier in OPERATIONS[: OPERATIONS.index(operation) + 1]:
                    stage.edit(earlier)
    stage.world.stop()
