"""Registers the stack's webhooks with the sandbox's Numerai, as a person enters them at the real one."""

from collections.abc import Mapping
from typing import Any, Protocol


class Numerai(Protocol):
    """Who is told."""

    def set_webhook(self, model_id: str, url: str) -> None:
        """Set a model's webhook."""


def register(numerai: Numerai, outputs: Mapping[str, Any]) -> None:
    """Set the webhook of every node in the stack's outputs; nothing happens for a stack without any."""
    nodes = outputs.get("nodes", {})
    for name, url in outputs.get("webhooks", {}).items():
        numerai.set_webhook(nodes[name]["model_id"], url)
