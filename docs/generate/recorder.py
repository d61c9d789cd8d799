"""Records the resources that the components register under Pulumi's mocks, for the docs and the tests.

Each resource has its inputs, parent, dependencies and secrets. `docs.generate.mocks.<cloud>` subclasses `Mocks` with
the outputs that the cloud's components read.
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
from providers.alerts import REGION, list_heartbeats, list_webhooks
from providers.component import Stack
from providers.numerai.keys import name_keys
from providers.own_secrets import list_names

PUBLIC_ID, SECRET_KEY, WEBHOOK_KEY = "planted-public-id", "planted-secret-key", "planted-webhook-key"
DOCKER_IMAGE, DOCKER_DIGEST = "docker-build:index:Image", "sha256:" + "d" * 64
PLANTED = "planted-"
"""The values of the nodes' own secrets are this and the name."""
_SIGNATURE = "4dabf18193072939515e22adb298388d"


@dataclass
class Registered:
    """A resource as the program registered it. `secrets` are the paths of secret inputs."""

    type: str
    name: str
    inputs: dict[str, Any]
    urn: str = ""
    parent: str = ""
    depends_on: set[str] = field(default_factory=set)
    secrets: set[str] = field(default_factory=set)
    secret_outputs: set[str] = field(default_factory=set)
    deleted_with: str = ""
    retained: bool = False
    """Whether the cloud resource is kept when it is removed from the stack."""


def unwrap(value: Any, path: str = "", secrets: set[str] | None = None) -> Any:
    """Return a value without the marks of secrets, whose paths are added to `secrets`. Whole floats become integers."""
    if isinstance(value, list):
        return [unwrap(item, f"{path}[{index}]", secrets) for index, item in enumerate(value)]
    if not isinstance(value, dict):
        return int(value) if isinstance(value, float) and value.is_integer() else value
    if value.get(_SIGNATURE):
        if secrets is not None:
            secrets.add(path)
        return unwrap(value["value"], path, secrets)
    return {key: unwrap(item, f"{path}.{key}" if path else key, secrets) for key, item in value.items()}


class Mocks(pulumi.runtime.Mocks, abc.ABC):
    """Records the registered resources. Each cloud's subclass returns the outputs of its provider."""

    def __init__(self) -> None:
        self.registered: list[Registered] = []

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        resource = Registered(args.typ, args.name, {})
        resource.inputs = unwrap(args.inputs, "", resource.secrets)
        self.registered.append(resource)
        if args.typ == DOCKER_IMAGE:
            return args.name, {**resource.inputs, "digest": DOCKER_DIGEST, "contextHash": "c", "ref": ""}
        return self.answer(args.typ, args.name, resource.inputs)

    @abc.abstractmethod
    def answer(self, type_: str, name: str, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Return a resource's id and the outputs that the components read."""

    @abc.abstractmethod
    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        """Return the result of a provider's function."""


class Monitor(MockMonitor):
    """Records the parent and the dependencies of each resource, which mocks do not receive."""

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - named by the protocol
        answer = super().RegisterResource(request)  # type: ignore[no-untyped-call]
        recorded: list[Registered] = self.mocks.registered  # type: ignore[attr-defined]
        for resource in recorded:
            if (resource.type, resource.name) == (request.type, request.name):
                resource.urn, resource.parent = answer.urn, request.parent
                resource.depends_on = set(request.dependencies)
                resource.retained, resource.deleted_with = request.retainOnDelete, request.deletedWith
                resource.secret_outputs = set(request.additionalSecretOutputs)
        return answer


class Program:
    """The registered clusters and nodes of a nodes.yaml."""

    def __init__(self, registered: list[Registered], nodes: list[Node]) -> None:
        self.registered, self.nodes = registered, nodes

    def list_resources(self, type_suffix: str = "") -> list[Registered]:
        """Return the resources whose type ends with `type_suffix`."""
        return [resource for resource in self.registered if resource.type.endswith(type_suffix)]

    def find(self, type_suffix: str, name: str) -> Registered:
        """Return the only resource with this type and logical name."""
        matching = [resource for resource in self.list_resources(type_suffix) if resource.name == name]
        assert len(matching) == 1, f"{type_suffix} {name}: {[(each.type, each.name) for each in self.registered]}"
        return matching[0]

    def find_node(self, name: str) -> Node:
        """Return the node with this name."""
        return next(node for node in self.nodes if node.name == name)

    def find_owner(self, resource: Registered) -> Registered:
        """Return the node or cluster that contains a resource."""
        owner = resource
        while not owner.type.endswith((":PredictionNode", ":Cluster")):
            owner = next(parent for parent in self.registered if parent.urn == owner.parent)
        return owner

    def list_owned(self, name: str) -> list[Registered]:
        """Return the cloud resources of a node or cluster, without components."""
        resources = [resource for resource in self.registered if not resource.type.startswith("prediction-nodes:")]
        return [resource for resource in resources if self.find_owner(resource).name == name]


def make_model(folder: Path) -> None:
    """Create the model's folder `m`, which the nodes.yaml texts of the docs and tests name."""
    (folder / "m").mkdir()
    (folder / "m" / "Dockerfile").write_text("FROM python:3.12-slim\n")


def register(
    mocks: Mocks, text: str, project: str, stack_name: str, webhook_key: str = WEBHOOK_KEY
) -> tuple[list[Registered], list[Node]]:
    """Write a nodes.yaml to the current folder, run its clusters and nodes, and return the resources and the nodes."""
    Path("nodes.yaml").write_text(text)
    node_file, problems = parse(Path("nodes.yaml"))
    assert node_file is not None, problems
    assert not problems
    nodes = list(node_file.with_rescues)
    asyncio.set_event_loop(asyncio.new_event_loop())
    pulumi.runtime.set_mocks(mocks, project, stack_name, monitor=Monitor(mocks))

    def run() -> None:
        stack = Stack(
            project=project,
            name=stack_name,
            keys={name: pulumi.Output.secret(value) for name, value in make_keys(nodes).items()},
            webhook_key=pulumi.Output.secret(webhook_key),
            model_ids={node.name: pulumi.Output.from_input(node.model) for node in nodes},
            secrets={name: pulumi.Output.secret(PLANTED + name) for name in list_names(nodes)},
            addresses={
                name: pulumi.Output.secret(f"https://alerts.example.com/{name}/{REGION}")
                for name in (*list_webhooks(nodes), *list_heartbeats(nodes))
            },
        )
        clouds.register(nodes, stack)

    pulumi.runtime.test(run)()  # type: ignore[no-untyped-call]
    return mocks.registered, nodes


def make_keys(nodes: Sequence[Node]) -> dict[str, str]:
    """Return keys for the accounts of these nodes. The values end with the account's name, if it has one."""
    keys: dict[str, str] = {}
    for names in (name_keys(node.account) for node in nodes):
        ending = names.secret.removeprefix("numerai-secret")
        keys |= {names.public_id: PUBLIC_ID + ending, names.secret: SECRET_KEY + ending}
    return keys
