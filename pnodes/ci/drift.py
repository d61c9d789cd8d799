"""The issue about a drift: which resources are not as the stack's state has them, and what to do."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from pnodes.ci.markdown import Told, with_text
from pnodes.urn import split_urn

MARK = "<!-- prediction-nodes drift -->"
_SPELLED = {"update": "was changed", "delete": "is gone"}


@dataclass(frozen=True)
class Drifted:
    """A resource that somebody or something else changed."""

    kind: str
    name: str
    how: str


def find(events: Iterable[str]) -> tuple[Drifted, ...]:
    """From the event log of `pulumi refresh --preview-only`."""
    found = []
    for line in events:
        metadata = (json.loads(line).get("resOutputsEvent") or {}).get("metadata") or {}
        if metadata.get("op") in _SPELLED:
            _, kind, name = split_urn(metadata["urn"])
            found.append(Drifted(kind.removeprefix("pulumi-python:dynamic/"), name, _SPELLED[metadata["op"]]))
    return tuple(sorted(set(found), key=lambda one: (one.name, one.kind)))


def title(stack: str) -> str:
    """The issue's title."""
    return f"Drift: the clouds are not as the stack {stack} has them"


def body(found: tuple[Drifted, ...], diff: str, told: Told) -> str:
    """The issue's text."""
    rows = "\n".join(f"| `{_cell(one.name)}` | `{_cell(one.kind)}` | {one.how} |" for one in found)
    upper = (
        f"{MARK}\nWhat the clouds and Numerai have is not what the last `pulumi up` of the stack `{told.stack}` left "
        "there."
        f"\n\n| name | resource | |\n| --- | --- | --- |\n{rows}\n\n"
        "To have it as nodes.yaml says again: run the workflow Deploy with `refresh`, or `pulumi up --refresh`. To "
        "keep the change: write it into nodes.yaml first. This issue is edited at each check, and closed when nothing "
        "differs any more.\n"
    )
    return with_text(upper, "Pulumi's resource diff", diff, told)


def gone(told: Told) -> str:
    """The comment with which the issue is closed."""
    return f"Nothing differs any more.\n\n{told.footer}\n"


def _cell(text: str) -> str:
    return text.replace("`", "'").replace("|", "\\|")
