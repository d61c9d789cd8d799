"""Texts of nodes.yaml: one node, several, one per cloud."""

from __future__ import annotations

from typing import Any

from tests.e2e.world import IDS, World

CLOUDS = ("aws", "gcp", "azure")


def node(name: str, cloud: str, model: str = "classic", source: str = "quick", extra: str = "") -> str:
    lines = [
        f"  {name}:",
        f"    model: {IDS[model]}",
        f"    tournament: {model}",
        f"    cloud: {cloud}",
        f"    source: {source}",
    ]
    return "\n".join([*lines, *(f"    {line}" for line in extra.splitlines())]) + "\n"


def nodes(*texts: str) -> str:
    return "nodes:\n" + "".join(texts)


def models(world: World) -> list[dict[str, Any]]:
    listing = world.control.get("/models").json()["models"]
    return [model for model in listing if model["tournament"] == "classic" and model["account"] == "sandbox_user"]


def spread(world: World, **extra: str) -> str:
    """Return one classic node per cloud, each with its own model."""
    ids = [model["id"] for model in models(world)]
    texts = []
    for cloud, model_id in zip(CLOUDS, ids, strict=False):
        text = node(f"on-{cloud}", cloud, extra=extra.get(cloud, ""))
        lines = [f"    model: {model_id}" if line.strip().startswith("model:") else line for line in text.splitlines()]
        texts.append("\n".join(lines) + "\n")
    return nodes(*texts)
