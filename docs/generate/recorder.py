"""What the components register under Pulumi's mocks: every resource with its inputs, parent, dependencies and secrets.

`docs.generate.mocks.<cloud>` subclasses `Mocks` with the answers that the cloud's components read.
"""

from __future__ import annotations

import abc
import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime.mocks import MockMonitor

from nodefile import Node, parse
from providers import clouds
from providers.component import Stack
from providers.numerai.keys import name_keys

PUBLIC_ID, SECRET_KEY, WEBHOOK_KEY = "planted-public-id", "planted-secret-key", "planted-webhook-key"
DOCKER_IMAGE, DOCKER_DIGEST = "docker-build:index:Image", "sha256:" + "d" * 64
_SIGNATURE = "4dabf18193072939515e22adb298388d"


@dataclass
class Registered:
    """One resource as the program registered it; `secrets` are the paths of secret inputs."""

    type: str
    name: str
    inputs: dict[str, Any]
    urn: str = ""
    parent: str = ""
    depends_on: set[str] = field(default_factory=set)
    secrets: set[str] = field(default_factory=set)
    secret_outputs: set[str] = field(default_factory=set)
    retained: bool = False
    """Whether it is left alone when it leaves the stack."""


def plain(value: Any, path: str = "", secrets: set[str] | None = None) -> Any:
    """Inputs without the wrapping of secrets, whose paths are noted; whole numbers as the engine sends them on."""
    if isinstance(value, list):
        return [plain(item, f"{path}[{index}]", secrets) for index, item in enumerate(value)]
    if not isinstance(value, dict):
        return int(value) if isinstance(value, float) and value.is_integer() else value
    if value.get(_SIGNATURE):
        if secrets is not None:
            secrets.add(path)
        return plain(value["value"], path, secrets)
    return {key: plain(item, f"{path}.{key}" if path else key, secrets) for key, item in value.items()}


class Mocks(pulumi.runtime.Mocks, abc.ABC):
    """Records what is registered; a cloud says what its provider would answer."""

    def __init__(self) -> None:
        self.registered: list[Registered] = []

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        found = Registered(args.typ, args.name, {})
        found.inputs = plain(args.inputs, "", found.secrets)
        self.registered.append(found)
        if args.typ == DOCKER_IMAGE:
            return args.name, {**found.inputs, "digest": DOCKER_DIGEST, "contextHash": "c", "ref": ""}
        return self.answer(args.typ, args.name, found.inputs)

    @abc.abstractmethod
    def answer(self, type_: str, name: str, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """A resource's id and outputs, as far as the components read them."""

    @abc.abstractmethod
    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        """The answer of a provider's function."""


class Monitor(MockMonitor):
    """Notes whose child a resource is and what it waits for, which mocks are not told."""

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - named by the protocol
        answer = super().RegisterResource(request)  # type: ignore[no-untyped-call]
        recorded: list[Registered] = self.mocks.registered  # type: ignore[attr-defined]
        for each in recorded:
            if (each.type, each.name) == (request.type, request.name):
                each.urn, each.parent, each.depends_on = answer.urn, request.parent, set(request.dependencies)
                each.retained, each.secret_outputs = request.retainOnDelete, set(request.additionalSecretOutputs)
        return answer


class Program:
    """The clusters and nodes of a nodes.yaml, registered."""

    def __init__(self, registered: list[Registered], nodes: list[Node]) -> None:
        self.registered, self.nodes = registered, nodes

    def all(self, kind: str = "") -> list[Registered]:
        """The resources whose type ends so."""
        return [each for each in self.registered if each.type.endswith(kind)]

    def one(self, kind: str, name: str) -> Registered:
        """The resource of a type and logical name."""
        found = [each for each in self.all(kind) if each.name == name]
        assert len(found) == 1, f"{kind} {name}: {[(each.type, each.name) for each in self.registered]}"
        return found[0]

    def node(self, name: str) -> Node:
        """The node of this name."""
        return next(node for node in self.nodes if node.name == name)

    def owner(self, resource: Registered) -> Registered:
        """The node or cluster at the top of a resource's parents."""
        at = resource
        while not at.type.endswith((":PredictionNode", ":Cluster")):
            at = next(each for each in self.registered if each.urn == at.parent)
        return at

    def of(self, name: str) -> list[Registered]:
        """The cloud resources of a node or cluster, without its components."""
        cloud = [each for each in self.registered if not each.type.startswith("prediction-nodes:")]
        return [each for each in cloud if self.owner(each).name == name]


def place(folder: Path) -> None:
    """A model's folder `m`, as the texts of nodes.yaml in these tests name it."""
    (folder / "m").mkdir()
    (folder / "m" / "Dockerfile").write_text("FROM python:3.12-slim\n")


def registered(
    mocks: Mocks, text: str, project: str, stack_name: str, webhook_key: str = WEBHOOK_KEY
) -> tuple[list[Registered], list[Node]]:
    """What the clusters and nodes register for the text of a nodes.yaml in the current folder."""
    Path("nodes.yaml").write_text(text)
    found, mistakes = parse(Path("nodes.yaml"))
    assert found is not None, mistakes
    assert not mistakes
    asyncio.set_event_loop(asyncio.new_event_loop())
    pulumi.runtime.set_mocks(mocks, project, stack_name, monitor=Monitor(mocks))

    def run() -> None:
        stack = Stack(
            project=project,
            name=stack_name,
            keys={name: pulumi.Output.secret(value) for name, value in keys_of(found.nodes).items()},
            webhook_key=pulumi.Output.secret(webhook_key),
            model_ids={node.name: pulumi.Output.from_input(node.model) for node in found.nodes},
        )
        clouds.register(found.nodes, stack)

    pulumi.runtime.test(run)()  # type: ignore[no-untyped-call]
    return mocks.registered, list(found.nodes)


def keys_of(nodes: Sequence[Node]) -> dict[str, str]:
    """The keys of the accounts in use: the unnamed one's, and others with the account's name at their end."""
    found: dict[str, str] = {}
    for called in (name_keys(node.account) for node in nodes):
        ending = called.secret.removeprefix("numerai-secret")
        found |= {called.public_id: PUBLIC_ID + ending, called.secret: SECRET_KEY + ending}
    return found
