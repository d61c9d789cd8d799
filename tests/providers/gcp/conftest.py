"""The Google Cloud components under Pulumi's mocks: every registered resource with its inputs, parent, dependencies."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime.mocks import MockMonitor

from nodefile import Node, parse
from providers.contract import Stack
from sandbox import schema, sdk_types

PROJECT = "a-google-project"
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


class Monitor(MockMonitor):
    """Notes whose child a resource is and what it waits for, which mocks are not told."""

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - named by the protocol
        answer = super().RegisterResource(request)  # type: ignore[no-untyped-call]
        recorded: list[Registered] = self.mocks.registered  # type: ignore[attr-defined]
        for each in recorded:
            if (each.type, each.name) == (request.type, request.name):
                each.urn, each.parent, each.depends_on = answer.urn, request.parent, set(request.dependencies)
        return answer


class Mocks(pulumi.runtime.Mocks):
    """Answers as pulumi-gcp does, as far as the components read the outputs."""

    def __init__(self, google_project: str) -> None:
        self.registered: list[Registered] = []
        self._project = google_project

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        found = Registered(args.typ, args.name, {})
        found.inputs = plain(args.inputs, "", found.secrets)
        self.registered.append(found)
        kind = args.typ.rsplit(":", 1)[-1]
        outputs: dict[str, Any] = {"name": f"{args.name}-1a2b3c4", **found.inputs}
        outputs |= _outputs(kind, outputs["name"], found.inputs)
        return f"projects/{PROJECT}/{kind}/{args.name}", outputs

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        assert args.token == "gcp:organizations/getClientConfig:getClientConfig"
        return {
            "project": self._project,
            "accessToken": "planted-deployer-token",
            "region": "",
            "zone": "",
            "id": "",
        }, []


def _outputs(kind: str, name: str, inputs: dict[str, Any]) -> dict[str, Any]:
    if kind == "Function":
        uri = f"https://{name}-abcdefghij-uc.a.run.app"
        return {"serviceConfig": {**inputs["serviceConfig"], "uri": uri}}
    if kind == "ImageBuild":
        digest = "sha256:" + "a" * 64
        return {"digest": digest, "image": f"{inputs['repository']}@{digest}"}
    known: dict[str, dict[str, Any]] = {
        "Account": {"email": f"{inputs.get('accountId')}@{PROJECT}.iam.gserviceaccount.com"},
        "IAMCustomRole": {"name": f"projects/{PROJECT}/roles/{inputs.get('roleId')}"},
        "Repository": {"name": inputs.get("repositoryId")},
        "SecretVersion": {"version": "7"},
    }
    return known.get(kind, {})


class Program:
    """The clusters and nodes of a nodes.yaml, registered."""

    def __init__(self, registered: list[Registered], nodes: list[Node]) -> None:
        self.registered, self.nodes = registered, nodes

    def all(self, kind: str = "") -> list[Registered]:
        return [each for each in self.registered if each.type.endswith(kind)]

    def one(self, kind: str, name: str) -> Registered:
        found = [each for each in self.all(kind) if each.name == name]
        assert len(found) == 1, f"{kind} {name}: {[(each.type, each.name) for each in self.registered]}"
        return found[0]

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

    def granted(self, account: str) -> dict[str, Registered]:
        """The members that name a service account, by logical name."""
        email = self.one(":Account", account).inputs["accountId"]
        member = f"serviceAccount:{email}@{PROJECT}.iam.gserviceaccount.com"
        return {each.name: each for each in self.registered if each.inputs.get("member") == member}


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Program]:
    """Registers the nodes of a nodes.yaml's text."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "Dockerfile").write_text("FROM python:3.12-slim\n")

    def register(
        text: str,
        project: str = "prediction-nodes",
        stack_name: str = "dev",
        webhook_key: str = "planted-webhook-key",
        google_project: str = PROJECT,
    ) -> Program:
        Path("nodes.yaml").write_text(text)
        found, problems = parse(Path("nodes.yaml"))
        assert found is not None, problems
        assert not problems
        asyncio.set_event_loop(asyncio.new_event_loop())
        mocks = Mocks(google_project)
        pulumi.runtime.set_mocks(mocks, project, stack_name, monitor=Monitor(mocks))

        def run() -> None:
            from providers.gcp.cluster import Cluster
            from providers.gcp.node import PredictionNode

            stack = Stack(
                project=project,
                name=stack_name,
                public_id=pulumi.Output.secret("planted-public-id"),
                secret_key=pulumi.Output.secret("planted-secret-key"),
                webhook_key=pulumi.Output.secret(webhook_key),
                model_ids={node.name: pulumi.Output.from_input(node.model) for node in found.nodes},
            )
            for region in sorted({node.region for node in found.nodes}):
                here = [node for node in found.nodes if node.region == region]
                cluster = Cluster(region, here, stack)
                for node in here:
                    PredictionNode(node, cluster, stack)

        pulumi.runtime.test(run)()  # type: ignore[no-untyped-call]
        return Program(mocks.registered, list(found.nodes))

    return register


def problems(resource: Registered) -> list[tuple[str, str]]:
    """What the SDK's types and the provider's schema say against the inputs."""
    if not resource.type.startswith("gcp:"):
        return []
    rules = schema.load("gcp")
    inputs = {key: value for key, value in resource.inputs.items() if key != "source"}
    if resource.type.endswith(":BucketObject"):
        inputs["source"] = b""
    return [*sdk_types.check(resource.type, inputs), *rules.check(resource.type, inputs)]
