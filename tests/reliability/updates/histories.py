"""Random histories of edits of nodes.yaml, with an `up` after each: what Hypothesis draws, and what must hold.

After each `up`, the state equals the file, and nothing of another node or region was touched. An `up` of a broken file
or model changes nothing of the others, and leaves nothing behind. The next preview is empty, and `destroy` leaves
nothing.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies

from pnodes.urn import split_urn
from tests.e2e.webhooks import at_numerai
from tests.e2e.world import World
from tests.reliability.updates import fleet
from tests.reliability.updates.faults import UP, explain
from tests.reliability.updates.fleet import AWAY, HOMES, Wanted
from tests.reliability.updates.resident import Ended, Resident

_State = dict[str, dict[str, Any]]
ACTIONS = (
    "add",
    "remove",
    "rename",
    "resize",
    "edit",
    "move to another region",
    "move to another cloud",
    "give another model",
    "break the build",
    "break the file",
    "repair",
    "rotate the keys",
)
_NEXT = {"aws": "gcp", "gcp": "azure", "azure": "aws"}
_MOST = 4
_RIGHT, _BROKEN = "# nothing\n", "./there-is-no-such-package\n"


@dataclass(frozen=True)
class Edit:
    """One edit of nodes.yaml, of the node with this place in the file, counted round."""

    action: str
    place: int


@dataclass(frozen=True)
class History:
    """The first nodes, of one cloud, and the edits that follow."""

    cloud: str
    nodes: int
    edits: tuple[Edit, ...]


def histories(longest: int) -> strategies.SearchStrategy[History]:
    """Return a strategy of histories with up to so many edits, which shrinks to few and simple ones."""
    edits = strategies.builds(Edit, strategies.sampled_from(ACTIONS), strategies.integers(0, _MOST - 1))
    return strategies.builds(
        History,
        strategies.sampled_from(sorted(HOMES)),
        strategies.integers(1, 2),
        strategies.lists(edits, min_size=1, max_size=longest).map(tuple),
    )


class Fleet:
    """The nodes that nodes.yaml describes, and whether the file or a model is broken."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.wanted: dict[str, Wanted] = {}
        self.file_broken = False
        self.broken: set[str] = set()
        self._concerned: set[str] = set()
        self._names = 0
        self._models = fleet.list_models()

    @property
    def unfinished(self) -> bool:
        """Whether an `up` must fail."""
        return self.file_broken or bool(self.broken)

    def concerned(self) -> set[str]:
        """Return the nodes and regions that edits concern since the last `up` that succeeded."""
        return self._concerned

    def deployed(self) -> None:
        """Note that an `up` has succeeded."""
        self._concerned = set()

    def repair(self) -> None:
        """Repair the file and the models."""
        self.file_broken = False
        for source in sorted(self.broken):
            self._model(source)
        self._concern(*(node for node in self.wanted.values() if node.source in self.broken))
        self.broken.clear()

    def add(self, cloud: str) -> Wanted:
        """Add a node with a model of its own."""
        used = {node.model for node in self.wanted.values()}
        free = next(model for model in self._models if model not in used)
        name = self._name()
        self._model(name)
        self.wanted[name] = node = Wanted(name, free, cloud, HOMES[cloud], source=name)
        self._concern(node)
        return node

    def edit(self, edit: Edit, cloud: str) -> bool:
        """Make one edit; returns whether there was anything to edit."""
        if edit.action == "break the file":
            self.file_broken = True
            return True
        if edit.action == "repair":
            self.repair()
            return True
        if edit.action == "rotate the keys":
            self._rotate()
            return True
        if edit.action == "add":
            return len(self.wanted) < _MOST and bool(self.add(cloud))
        if not self.wanted:
            return False
        self._change(list(self.wanted)[edit.place % len(self.wanted)], edit.action)
        return True

    def write(self) -> None:
        """Write nodes.yaml."""
        fleet.write(self.world, self.wanted.values())
        if self.file_broken:
            self.world.nodes((self.world.project / "nodes.yaml").read_text() + "  unfinished\n")

    def _change(self, name: str, action: str) -> None:
        node = self.wanted.pop(name)
        self._concern(node)
        match action:
            case "remove":
                self.broken.discard(node.source)
                return
            case "rename":
                node = replace(node, name=self._name())
            case "resize":
                node = replace(node, size="cpu-md" if node.size == "cpu-sm" else "cpu-sm")
            case "edit":
                node = replace(node, value=f"{int(node.value) + 1}", schedule=not node.schedule)
                self._model(node.source, _BROKEN if node.source in self.broken else _RIGHT)
            case "move to another region":
                home, away = HOMES[node.cloud], AWAY[node.cloud]
                node = replace(node, region=away if node.region == home else home)
            case "move to another cloud":
                cloud = _NEXT[node.cloud]
                node = replace(node, cloud=cloud, region=HOMES[cloud])
            case "give another model":
                used = {other.model for other in self.wanted.values()} | {node.model}
                node = replace(node, model=next(model for model in self._models if model not in used))
            case "break the build":
                self._model(node.source, _BROKEN)
                self.broken.add(node.source)
        self.wanted[node.name] = node
        self._concern(node)

    def _concern(self, *nodes: Wanted) -> None:
        for node in nodes:
            self._concerned |= {node.name, f"{node.cloud}-{node.region}"}

    def _name(self) -> str:
        self._names += 1
        return f"node-{self._names}-{uuid.uuid4().hex[:4]}"

    def _model(self, source: str, requirements: str = _RIGHT) -> None:
        self.world.model(source, requirements=requirements)
        fleet.edit_source(self.world, source, uuid.uuid4().hex, requirements)

    def _rotate(self) -> None:
        # An edit of all nodes: Azure's jobs name the version of their keys.
        self._concern(*self.wanted.values())
        scopes = ["read_user_info", "read_submission_info", "upload_submission"]
        keys = self.world.control.post("/keys", json={"account": "sandbox_user", "scopes": scopes}).json()
        for name, value in (("numerai-public-id", keys["public_id"]), ("numerai-secret", keys["secret_key"])):
            self.world.cli.run("config", "set", "--secret", name, stdin=value)


class Player:
    """Plays histories in one world, and checks what must hold after each `up`."""

    def __init__(self, world: World) -> None:
        self.world, self.engine = world, Resident(world)
        self.ups = 0
        self._done: list[str] = []
        self._fleet: Fleet | None = None

    def play(self, history: History, thorough: bool = True) -> None:
        """Play a history. Raises AssertionError.

        If it is not thorough, it goes on with the nodes of the previous history, and leaves previews to `preview`.
        """
        current = self._fleet if self._fleet and not thorough else Fleet(self.world)
        if current is not self._fleet:
            self._fleet = current
            for _ in range(history.nodes):
                current.add(history.cloud)
            self._done = [f"deploy {history.nodes} on {history.cloud}"]
            self._up(current, anything=True)
        for edit in history.edits:
            self._done.append(f"{edit.action} {edit.place}")
            if current.edit(edit, history.cloud):
                self._up(current)
                if thorough and not current.unfinished:
                    self.preview()
        if current.unfinished:
            self._done.append("repair")
            current.repair()
            self._up(current)
        if thorough:
            self.preview()

    def preview(self) -> None:
        """Preview; nothing may be left to do."""
        ended = self.engine.run("preview", "--expect-no-changes")
        done = " -> ".join(self._done)
        assert ended.code == 0, f"{done}: the second preview is not empty: {ended.steps()}\n{ended.text}"

    def destroy(self) -> None:
        """Destroy the stack; nothing may be left."""
        ended = self.engine.run("destroy", "--yes", "--skip-preview")
        assert ended.code == 0, ended.text
        left = self.world.left()
        assert not any(left.values()), left
        assert not any(at_numerai(self.world).values())

    def _up(self, current: Fleet, anything: bool = False) -> None:
        current.write()
        done = " -> ".join(self._done)
        before = fleet.read_state(self.world)
        ended = self.engine.run(*UP)
        self.ups += 1
        after = fleet.read_state(self.world)
        if not anything:
            self._check_untouched(current.concerned(), ended, before, after, done)
        content = fleet.compare(self.world)
        if current.file_broken:
            assert ended.code, f"{done}: an `up` of a broken file succeeded"
            assert not ended.steps(), f"{done}: an `up` of a broken file made {ended.steps()}"
        if current.file_broken or current.broken:
            assert not content.orphans | content.missing, f"{done}: {content}"
            return
        assert ended.code == 0, f"{done}: {explain(ended)}\n{ended.text}"
        assert content.agrees, f"{done}: {content}"
        self._check_equal(current, after, done)
        current.deployed()

    def _check_equal(self, current: Fleet, after: _State, done: str) -> None:
        """The state has the nodes of the file in their clouds and regions, and Numerai calls exactly their models."""
        owners, places = find_owners(after), {}
        for urn, owner in owners.items():
            cloud = after[urn]["type"].split(":")[1]
            if after[urn]["type"].endswith(":PredictionNode"):
                places[owner] = (cloud, {_region(after[other]) for other in owners if owners[other] == owner} - {""})
        assert places == {name: (node.cloud, {node.region}) for name, node in current.wanted.items()}, done
        called = {model for model, url in at_numerai(self.world).items() if url}
        assert called == {node.model[1] for node in current.wanted.values()}, done

    def _check_untouched(self, allowed: set[str], ended: Ended, before: _State, after: _State, done: str) -> None:
        """Only resources of these nodes and regions were touched."""
        owners = find_owners({**before, **after})
        differing = {urn for urn in before if _identity(before[urn]) != _identity(after.get(urn, {}))}
        touched = {owners.get(urn, "") for urn in differing | ended.steps().keys()} - {""}
        assert touched <= allowed, f"{done}: touched {touched - allowed}: {ended.steps()}"


def _identity(resource: dict[str, Any]) -> tuple[Any, ...]:
    inputs = resource.get("inputs") or {}
    return resource.get("id"), {name: value for name, value in inputs.items() if name != "token"}


def _region(resource: dict[str, Any]) -> str:
    inputs = resource.get("inputs") or {}
    return str(inputs.get("region") or inputs.get("location") or "").lower()


def find_owners(resources: _State) -> dict[str, str]:
    """URN -> the name of the node or of the region's cluster to which the resource belongs; empty for neither."""

    def find(urn: str) -> str:
        _, type_, name = split_urn(urn)
        if type_.endswith((":PredictionNode", ":Cluster", ":Webhook")):
            return name
        parent = resources.get(urn, {}).get("parent")
        return find(parent) if parent else ""

    return {urn: find(urn) for urn in resources}
