"""Renders the issue about drift: which resources differ from the stack's state, and how to resolve it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from pnodes.ci.markdown import Origin, append_text
from pnodes.plan.markdown import escape
from pnodes.urn import split_urn

MARK = "<!-- prediction-nodes drift -->"
_WORDS = {"update": "was changed", "delete": "is gone"}


@dataclass(frozen=True)
class Drifted:
    """A resource that was changed outside Pulumi."""

    kind: str
    name: str
    how: str


def find_drift(events: Iterable[str]) -> tuple[Drifted, ...]:
    """Return the changed resources in the event log of `pulumi refresh --preview-only`."""
    drifted = []
    for line in events:
        metadata = (json.loads(line).get("resOutputsEvent") or {}).get("metadata") or {}
        if metadata.get("op") in _WORDS:
            _, kind, name = split_urn(metadata["urn"])
            drifted.append(Drifted(kind.removeprefix("pulumi-python:dynamic/"), name, _WORDS[metadata["op"]]))
    return tuple(sorted(set(drifted), key=lambda resource: (resource.name, resource.kind)))


def render_body(drifted: tuple[Drifted, ...], diff: str, origin: Origin) -> str:
    """Return the text of the issue."""
    rows = "\n".join(f"| `{escape(change.name)}` | `{escape(change.kind)}` | {change.how} |" for change in drifted)
    upper = (
        f"{MARK}\nResources in the clouds or at Numerai have changed since the last `pulumi up` of the stack "
        f"`{origin.stack}`."
        f"\n\n| name | resource | |\n| --- | --- | --- |\n{rows}\n\n"
        "To restore what nodes.yaml describes, run the workflow Deploy with `refresh`, or `pulumi up --refresh`. To "
        "keep a change, write it into nodes.yaml first. Each check updates this issue, and closes it when the clouds "
        "match the stack again.\n"
    )
    return append_text(upper, "Pulumi's resource diff", diff, origin)
