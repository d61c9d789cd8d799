"""Reads a preview: the nodes' settings as deployed, the images to build, the count of operations.

It is what `pulumi preview --json` prints, or the engine's event log.

The settings are those of the stack's output `settings`. What a preview would make of the outputs is not in its JSON, so
the new settings come from nodes.yaml itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pnodes.urn import split_urn

STACK = "pulumi:pulumi:Stack"
_BUILDS = ("prediction-nodes:ImageBuild", "docker-build:index:Image")
_WEBHOOK = "prediction-nodes:Webhook"
_NOTHING = frozenset({"same", "read", "refresh"})
Settings = Mapping[str, dict[str, Any]]


class NotAPlan(Exception):
    """The text is not what `pulumi preview --json` prints; a sentence."""


@dataclass(frozen=True)
class Plan:
    """A preview: deployed settings by node name, nodes whose image or webhook changes, operations and their number."""

    before: Settings
    images: frozenset[str]
    webhooks: frozenset[str]
    operations: Mapping[str, int]
    messages: tuple[str, ...] = field(default=())

    @property
    def empty(self) -> bool:
        """Whether nothing would change."""
        return not self.operations


def read(document: Any) -> Plan:
    """A plan from the JSON document. Raises NotAPlan."""
    if not isinstance(document, dict) or "steps" not in document:
        raise NotAPlan("this is not what `pulumi preview --json` prints: there is no `steps` in it.")
    before: Settings = {}
    images, webhooks = set[str](), set[str]()
    operations: dict[str, int] = {}
    for step in document["steps"]:
        _, kind, name = split_urn(step["urn"])
        if kind == STACK:
            before = _settings(step.get("oldState"))
        elif step["op"] not in _NOTHING:
            operations[step["op"]] = operations.get(step["op"], 0) + 1
            if any(known in kind for known in _BUILDS) and not step["op"].startswith(("delete", "discard")):
                images.add(name)
            if _WEBHOOK in kind:
                webhooks.add(name)
    errors = [one["message"].strip() for one in document.get("diagnostics", []) if one.get("severity") == "error"]
    return Plan(before, frozenset(images), frozenset(webhooks), operations, tuple(errors))


def read_events(lines: Iterable[str]) -> Plan:
    """A plan from the engine's event log (`--event-log`), which one run with `--diff` writes too."""
    steps: dict[str, dict[str, Any]] = {}
    diagnostics = []
    for line in lines:
        event = json.loads(line)
        if "diagnosticEvent" in event:
            diagnostics.append(event["diagnosticEvent"])
        # The stack itself has only the second of these, as it has no step of its own.
        found = event.get("resourcePreEvent") or event.get("resOutputsEvent")
        if found:
            metadata = found["metadata"]
            key = f"{metadata['op']} {metadata['urn']}"
            steps.setdefault(key, {"op": metadata["op"], "urn": metadata["urn"], "oldState": metadata.get("old")})
    return read({"steps": list(steps.values()), "diagnostics": diagnostics})


def _settings(state: Any) -> Settings:
    outputs = (state or {}).get("outputs") or {}
    found = outputs.get("settings")
    return found if isinstance(found, dict) else {}
