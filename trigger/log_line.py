"""The one line that a trigger logs for each request (trigger/core.py), read back from any cloud's log."""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True)
class TriggerLine:
    """What the trigger did with one request; `run` is the trigger id, empty where the request was refused."""

    method: str
    route: str
    http: int
    status: str
    run: str
    job: str
    reason: str
    test: bool

    @property
    def refused(self) -> bool:
        """Whether a webhook call was turned away, or its job could not be started."""
        return self.route == "pred" and self.http >= 400

    def __str__(self) -> str:
        words = [self.method or "tick", self.route, "->", str(self.http), self.status]
        words += [f"run {self.run}"] if self.run else []
        words += ["(test)"] if self.test else []
        words += [f"job {self.job}"] if self.job else []
        return " ".join(word for word in words if word) + (f": {self.reason}" if self.reason else "")


def parse(text: str) -> TriggerLine | None:
    """The line if it is one of the trigger's own."""
    try:
        line = json.loads(text)
    except ValueError:
        return None
    if not isinstance(line, dict) or "node" not in line or "http" not in line:
        return None
    return TriggerLine(
        method=str(line.get("method", "")),
        route=str(line.get("route", "")),
        http=int(line["http"]),
        status=str(line.get("status", "")),
        run=str(line.get("run", "")),
        job=str(line.get("job", "")),
        reason=str(line.get("reason", "")),
        test=bool(line.get("test")),
    )


def shown(text: str) -> str:
    """A line of the trigger's log as a person reads it; lines that are not its own stay as they are."""
    line = parse(text)
    return str(line) if line else text
