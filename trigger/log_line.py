"""Parses the line that a trigger logs for each request (trigger/core.py), from any cloud's log."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class TriggerLine:
    """The fields of a line; fields that the line does not have are empty.

    `run` is the trigger id, or the id of a scheduled run; a rejected call has none.
    """

    node: str = ""
    method: str = ""
    route: str = ""
    http: int = 0
    status: str = ""
    run: str = ""
    test: bool = False
    job: str = ""
    reason: str = ""
    attempt: int = 0
    ms: int = 0

    @property
    def job_id(self) -> str:
        """The job's id, as the cloud lists it among the node's runs."""
        return self.job.rsplit("/", 1)[-1]

    @property
    def refused(self) -> bool:
        """Whether a webhook call was rejected, or its job could not be started."""
        return self.route == "pred" and self.http >= 400

    @property
    def disabled(self) -> bool:
        """Whether a call was rejected because the node is disabled."""
        return self.reason.endswith(" is disabled in nodes.yaml")

    def __str__(self) -> str:
        words = [self.method or "tick", self.route, "->", str(self.http), self.status]
        words += [f"run {self.run}"] if self.run else []
        words += ["(test)"] if self.test else []
        words += [f"job {self.job}"] if self.job else []
        return " ".join(word for word in words if word) + (f": {self.reason}" if self.reason else "")


def parse(text: str) -> TriggerLine | None:
    """Parse a line of a trigger; None for other lines."""
    try:
        line = json.loads(text)
    except ValueError:
        return None
    if not isinstance(line, dict) or "node" not in line or "http" not in line:
        return None
    # A cloud's log may return a whole number as a float.
    kinds: dict[str, Any] = {field.name: type(field.default) for field in fields(TriggerLine)}
    try:
        return TriggerLine(**{name: kind(line[name]) for name, kind in kinds.items() if name in line})
    except (TypeError, ValueError):
        return None


def format_line(text: str) -> str:
    """Return a line of a trigger in readable form, and other lines unchanged."""
    line = parse(text)
    return str(line) if line else text
