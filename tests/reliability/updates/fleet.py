"""The text of a nodes.yaml from values, and the world's facts that an `up` must bring in line with it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from providers.numerai.webhook import fingerprint
from tests.e2e.webhooks import at_numerai
from tests.e2e.world import QUICK_PREDICT, World

HOMES = {"aws": "us-east-1", "gcp": "us-central1", "azure": "eastus"}
AWAY = {"aws": "eu-west-1", "gcp": "europe-west1", "azure": "westeurope"}
MODELS = {"classic": (1, 4, 5), "signals": (2, 6, 7), "crypto": (3, 8, 9)}
_ID = "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c{:02}"
PACKAGES = {"aws": "aws", "gcp": "gcp", "azure": "azure-native"}


def list_models() -> list[tuple[str, str]]:
    """Return the tournament and the id of each model of the sandbox's account."""
    return [(kind, _ID.format(number)) for kind, numbers in MODELS.items() for number in numbers]


@dataclass(frozen=True)
class Wanted:
    """A node of nodes.yaml."""

    name: str
    model: tuple[str, str]
    cloud: str
    region: str
    source: str = "quick"
    size: str = "cpu-sm"
    value: str = "1"
    schedule: bool = False

    def text(self) -> str:
        """Return the node's lines of nodes.yaml."""
        tournament, model = self.model
        lines = [f"model: {model}", f"tournament: {tournament}", f"cloud: {self.cloud}", f"region: {self.region}"]
        lines += [f"source: {self.source}", f"size: {self.size}"]
        lines += [f'env: {{EXTRA: "{self.value}"}}', f"tags: {{edit: v{self.value}}}"]
        lines += ['schedule: "0 14 * * *"'] if self.schedule else []
        return f"  {self.name}:\n" + "".join(f"    {line}\n" for line in lines)


def write(world: World, wanted: Iterable[Wanted]) -> None:
    """Write nodes.yaml."""
    text = "".join(node.text() for node in wanted)
    world.nodes(f"nodes:\n{text}" if text else "nodes: {}\n")


def edit_source(world: World, source: str, text: str, requirements: str = "# nothing\n") -> None:
    """Change the model's code, which needs a new image."""
    world.model(source, QUICK_PREDICT + f"# {text}\n", requirements)


def change(node: Wanted, source: str) -> Wanted:
    """Return the node with another value of each key that an update can change in place."""
    return replace(node, source=source, size="cpu-md", value="2", schedule=not node.schedule)


@dataclass(frozen=True)
class Content:
    """What the clouds and Numerai have, and what the state says that they have."""

    orphans: frozenset[tuple[str, str]]
    missing: frozenset[tuple[str, str]]
    strays: frozenset[str]
    """Models whose webhook differs from the state."""

    @property
    def agrees(self) -> bool:
        """Whether both are the same."""
        return not (self.orphans or self.missing or self.strays)


def read_state(world: World) -> dict[str, dict[str, Any]]:
    """URN -> resource of the stack's state. Reading its file takes a tenth of what `pulumi stack export` takes.

    Secrets are only marked as such: the engine encrypts them again whenever it writes the state.
    """
    file = world.cli.folder / ".state/.pulumi/stacks/prediction-nodes/dev.json"
    checkpoint = json.loads(file.read_text(), object_hook=_mark_secret)["checkpoint"]
    return {resource["urn"]: resource for resource in (checkpoint.get("latest") or {}).get("resources") or []}


def _mark_secret(value: dict[str, Any]) -> Any:
    return "[secret]" if "ciphertext" in value else value


def compare(world: World) -> Content:
    """Compare the sandbox's content with the stack's state."""
    resources = read_state(world).values()
    present = {
        (resource["type"], resource["id"])
        for cloud in HOMES
        for resource in world.control.get(f"/resources/{cloud}").json()["resources"]
    }
    recorded = {
        (resource["type"], resource["id"])
        for resource in resources
        if resource.get("id") and resource["type"].split(":")[0] in PACKAGES.values()
    }
    set_ = {
        (resource["id"].removeprefix("webhook-"), resource["outputs"]["fingerprint"])
        for resource in resources
        if resource["type"].endswith(":Webhook")
    }
    numerai = {(model, fingerprint(url)) for model, url in at_numerai(world).items() if url}
    strays = frozenset(model for model, _ in set_ ^ numerai)
    return Content(frozenset(present - recorded), frozenset(recorded - present), strays)
