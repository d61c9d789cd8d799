"""A trigger that tests call: with a store in memory, a cluster that records, and a clock."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from tests.trigger.region import MODEL, ROW, TOKEN, MemoryStore
from trigger.calls import Request, Response
from trigger.core import Trigger
from trigger.log_line import TriggerLine, parse
from trigger.starts import StartError
from trigger.table import Row

TRIGGER = "99361e43-0000-4000-8000-73c29c720001"


class Cluster:
    """Records the started jobs. `errors` are raised by the next starts, the second part says whether the job starts."""

    def __init__(self) -> None:
        self.started: list[dict[str, str]] = []
        self.names: list[str] = []
        self.refuses = self.blind = False
        self.errors: list[tuple[StartError, bool]] = []
        self.hidden, self.looked_up = 0, 0
        """The number of look-ups that do not find a job yet, and of those that were made."""

    def start(self, row: Row, run_name: str, env: Mapping[str, str]) -> str:
        if self.refuses:
            raise StartError("the cluster is not there")
        error, starts = self.errors.pop(0) if self.errors else (None, True)
        if starts:
            self.names.append(run_name)
            self.started.append(dict(env))
        if error:
            raise error
        return f"job-{len(self.started)}"

    def find(self, row: Row, run_id: str) -> str | None:
        self.looked_up += 1
        if self.blind:
            raise StartError("the jobs could not be listed")
        if self.hidden:
            self.hidden -= 1
            return None
        jobs = [number for number, env in enumerate(self.started, 1) if env["RUN_ID"] == run_id]
        return f"job-{jobs[0]}" if jobs else None


class World:
    """A trigger with its store, its cluster and a clock."""

    def __init__(self, row: Row = ROW) -> None:
        self.store, self.cluster, self.clock = MemoryStore(), Cluster(), 1000.0
        self.store.rows = [row]
        self.lines: list[str] = []
        self.pauses: list[float] = []
        self.trigger = Trigger(self.store, self.cluster, "abc", self.log, lambda: self.clock, self.pauses.append)

    def call(self, body: object = None, path: str = f"/pred/{MODEL}", **changes: Any) -> Response:
        request = Request(
            method=changes.get("method", "POST"),
            path=path,
            query=changes.get("query", {"token": TOKEN}),
            headers=changes.get("headers", {}),
            body=body if isinstance(body, bytes) else json.dumps(body or round_start()).encode(),
        )
        return self.trigger.answer(request)

    def run_schedule(self, when: str) -> Response:
        return self.trigger.run_schedule(MODEL, when)

    def log(self, line: str) -> None:
        """Record a line, and check that parsing it returns the same fields."""
        assert asdict(parse(line) or TriggerLine()) == asdict(TriggerLine()) | json.loads(line)
        self.lines.append(line)


def round_start(**changes: Any) -> dict[str, Any]:
    return {"roundNumber": 371, "dataVersion": 1, "triggerId": TRIGGER, **changes}
