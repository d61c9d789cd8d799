"""Reads a preview: the images to build, the webhooks to set and the number of operations.

The input is the output of `pulumi preview --json`, or the engine's event log.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pnodes.errors import UserError
from pnodes.urn import split_urn

STACK = "pulumi:pulumi:Stack"
_BUILDS = ("prediction-nodes:ImageBuild", "docker-build:index:Image")
_WEBHOOK = "prediction-nodes:Webhook"
_NOTHING = frozenset({"same", "read", "refresh"})


@dataclass(frozen=True)
class Plan:
    """A preview: nodes whose image or webhook changes, the count per operation, and the name of the stack."""

    images: frozenset[str]
    webhooks: frozenset[str]
    operations: Mapping[str, int]
    messages: tuple[str, ...] = field(default=())
    stack: str = ""


def read(document: Any) -> Plan:
    """Return the plan in the JSON document. Raises UserError."""
    if not isinstance(document, dict) or "steps" not in document:
        raise UserError("this is not the output of `pulumi preview --json`: it has no `steps`.", 2)
    images, webhooks = set[str](), set[str]()
    operations: dict[str, int] = {}
    stack = ""
    for step in document["steps"]:
        _, kind, name = split_urn(step["urn"])
        if kind == STACK:
            stack = step["urn"].split(":")[2]
        elif step["op"] not in _NOTHING:
            operations[step["op"]] = operations.get(step["op"], 0) + 1
            if any(build in kind for build in _BUILDS) and not step["op"].startswith(("delete", "discard")):
                images.add(name.partition("@")[0])  # of a region
            if _WEBHOOK in kind:
                webhooks.add(name)
    diagnostics = document.get("diagnostics", [])
    errors = [message["message"].strip() for message in diagnostics if message.get("severity") == "error"]
    return Plan(frozenset(images), frozenset(webhooks), operations, tuple(errors), stack)


def read_events(lines: Iterable[str]) -> Plan:
    """Return the plan in the engine's event log (`--event-log`), which runs with `--diff` write as well."""
    steps: dict[str, dict[str, Any]] = {}
    diagnostics = []
    for line in lines:
        event = json.loads(line)
        if "diagnosticEvent" in event:
            diagnostics.append(event["diagnosticEvent"])
        # The stack itself has no step of its own, and therefore only the second kind of event.
        resource = event.get("resourcePreEvent") or event.get("resOutputsEvent")
        if resource:
            metadata = resource["metadata"]
            key = f"{metadata['op']} {metadata['urn']}"
            steps.setdefault(key, {"op": metadata["op"], "urn": metadata["urn"]})
    return read({"steps": list(steps.values()), "diagnostics": diagnostics})
