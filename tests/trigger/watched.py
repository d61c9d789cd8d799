"""A region with one watched node, on a simulated clock: its cluster, its Numerai and its watch."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from tests.trigger.region import ROW, TOKEN, MemoryStore
from trigger.calls import Request, Response
from trigger.core import Trigger
from trigger.job_runs import RUNNING, JobRun
from trigger.numerai_api import Keys, NumeraiError, Round
from trigger.partner import Send, send
from trigger.starts import StartError
from trigger.table import Row
from trigger.watch import Watch

OPENS, CLOSES = 1_000_000.0, 1_003_600.0
WATCHED = ROW._replace(tournament="classic", watch="900-2", keys="secret/of/alpha")


class Cluster:
    """Jobs whose runs end as the test says."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.runs: list[JobRun] = []
        self.environments: list[dict[str, str]] = []
        self.refuses = False

    def start(self, row: Row, run_name: str, env: Mapping[str, str]) -> str:
        if self.refuses:
            raise StartError("no capacity")
        self.environments.append(dict(env))
        self.runs.append(JobRun(f"job-{len(self.runs) + 1}", env["RUN_ID"], RUNNING, self._clock()))
        return self.runs[-1].job

    def find(self, row: Row, run_id: str) -> str | None:
        return next((run.job for run in self.runs if run.run_id == run_id), None)

    def list_runs(self, row: Row) -> list[JobRun]:
        if self.refuses:
            raise StartError("the jobs could not be listed")
        return list(self.runs)

    def end(self, state: str, own_fault: bool | None = None) -> None:
        self.runs[-1] = self.runs[-1]._replace(state=state, ended=self._clock(), own_fault=own_fault)


class Numerai:
    """One round, and the submissions that the test makes."""

    def __init__(self) -> None:
        self.round: Round | None = Round(371, OPENS, CLOSES)
        self.submitted: float | None = None
        self.error: NumeraiError | None = None
        self.asked = 0

    def find_round(self, tournament: str) -> Round | None:
        return self.round if tournament == "classic" else None

    def find_submission(self, model_id: str, tournament: str, number: int, keys: Keys) -> float | None:
        self.asked += 1
        assert (model_id, number, keys) == (WATCHED.model_id, 371, Keys("id", "secret"))
        if self.error:
            raise self.error
        return self.submitted


class World:
    """A region with one watched node."""

    def __init__(self, row: Row = WATCHED, send: Send = send) -> None:
        """`send` calls the triggers of partners."""
        self.clock = OPENS
        self.store, self.numerai, self.cluster = MemoryStore(), Numerai(), Cluster(lambda: self.clock)
        self.store.rows = [row]
        self.lines: list[dict[str, Any]] = []
        self.trigger = Trigger(self.store, self.cluster, "", self.log, lambda: self.clock, lambda seconds: None)
        self.watch = Watch(self.trigger, self.cluster, self.numerai, self.read_keys, lambda: self.clock, send)

    def log(self, line: str) -> None:
        self.lines.append(json.loads(line))

    def read_keys(self, reference: str) -> Keys:
        assert reference == "secret/of/alpha"
        return Keys("id", "secret")

    def look(self, minutes: float) -> dict[str, int]:
        """Make a pass this long after the round's opening."""
        self.clock = OPENS + minutes * 60
        return self.watch.run_pass()

    def call(self, trigger_id: str = "99361e43-0000-4000-8000-73c29c720001", round_number: object = 371) -> Response:
        body = json.dumps({"roundNumber": round_number, "triggerId": trigger_id}).encode()
        return self.trigger.answer(Request("POST", f"/pred/{ROW.model_id}", {"token": TOKEN}, {}, body))
