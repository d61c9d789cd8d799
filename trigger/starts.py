"""Starts the jobs of a region's nodes: each run once, whatever happens to calls and answers.

A start claims its run by one atomic creation (`claims`), starts the job, and marks what happened. Before it starts a
job, a later attempt looks up whether an earlier one did. So repeating a request repairs a failed start and never starts
a second job.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from trigger.calls import Response, Start
from trigger.claims import LEASE_SECONDS, MAX_ATTEMPTS, PARTNER_RUN, WATCH_RUN, Claims, list_numbers
from trigger.http_call import PAUSES
from trigger.table import Row


class StartError(Exception):
    """The cluster did not start the job. The sentence says why and can be logged.

    `unclear`: the job may have been started, because the answer was lost. `busy`: the cluster refused for the moment.
    """

    def __init__(self, reason: str, *, unclear: bool = False, busy: bool = False) -> None:
        super().__init__(reason)
        self.unclear, self.busy = unclear, busy


class Cluster(Protocol):
    """The compute cluster, as the trigger sees it."""

    def start(self, row: Row, run_name: str, env: Mapping[str, str]) -> str:
        """Start the node's job with these additional variables and return the job's id. Raises StartError."""

    def find(self, row: Row, run_id: str) -> str | None:
        """Return the id of the job that was started with this RUN_ID; None if there is none. Raises StartError."""


class Starter:
    """Starts the jobs of a region."""

    def __init__(
        self, claims: Claims, cluster: Cluster, now: Callable[[], float], sleep: Callable[[float], None]
    ) -> None:
        self._claims, self._cluster, self._now, self._sleep = claims, cluster, now, sleep

    def start(self, start: Start) -> Response:
        """Start the job unless it has been started. Answers as `Trigger.answer` does. Raises StoreError."""
        attempt = 1
        if not self._claim(start, attempt):
            allowed = self._find_next_attempt(start)
            if isinstance(allowed, Response):
                return allowed
            attempt = allowed
            if not self._claim(start, attempt):
                return Response(202, {"status": "starting", "run": start.run_id, "attempt": attempt})
        return self._attempt(start, attempt)

    def _claim(self, start: Start, attempt: int) -> bool:
        return self._claims.create(start.name_claim(f"{attempt}.claim"), {"at": self._now()})

    def _find_next_attempt(self, start: Start) -> Response | int:
        """Return the number of the attempt that can be claimed now, or the answer to a repeated request."""
        names = self._claims.list_names(start.name_claim(""))
        attempts = list_numbers(names)
        last = max(attempts, default=1)
        for attempt in reversed(attempts):
            if f"{attempt}.started" in names:
                job = self._claims.read(start.name_claim(f"{attempt}.started"))["job"]
                return Response(200, {"status": "already started", "run": start.run_id, "job": job, "attempt": attempt})
        failed = f"{last}.failed"
        unclear = failed in names and self._claims.read(start.name_claim(failed)).get("unclear")
        if failed not in names or unclear:
            claimed = self._claims.read(start.name_claim(f"{last}.claim"))["at"]
            if self._now() - claimed < LEASE_SECONDS:
                answer = {"run": start.run_id, "attempt": last}
                return self._settle(start, answer) if unclear else Response(202, {"status": "starting", **answer})
        if last >= MAX_ATTEMPTS:
            reason = f"gave up after {last} attempts to start"
            return Response(503, {"status": "failed", "run": start.run_id, "reason": reason})
        return last + 1

    def _settle(self, start: Start, answer: dict[str, Any]) -> Response:
        """Look for the job of a start whose answer was lost."""
        try:
            job = self._cluster.find(start.row, start.run_id)
        except StartError as error:
            return Response(502, {"status": "failed", "reason": str(error), **answer})
        if job:
            self._claims.mark(start.name_claim(f"{answer['attempt']}.started"), {"at": self._now(), "job": job})
            return Response(202, {"status": "started", "job": job, **answer})
        reason = "the job is not listed yet; repeat the call in two minutes"
        return Response(503, {"status": "failed", "reason": reason, **answer})

    def _attempt(self, start: Start, attempt: int) -> Response:
        answer = {"run": start.run_id, "attempt": attempt}
        try:
            # A start that was reported as failed, or not at all, may have succeeded.
            job = self._cluster.find(start.row, start.run_id) if attempt > 1 else None
            if not job:
                other = self._enter_round(start)
                if other:
                    who = "the node's partner" if other.startswith(PARTNER_RUN) else "the watch"
                    reason = f"{who} has started the round's job ({other})"
                    return Response(200, {"status": "already started", "reason": reason, **answer})
                job = self._start_job(start, attempt)
        except StartError as error:
            record = {"at": self._now(), "reason": str(error), **({"unclear": True} if error.unclear else {})}
            self._claims.mark(start.name_claim(f"{attempt}.failed"), record)
            return Response(502, {"status": "failed", "reason": str(error), **answer})
        self._claims.mark(start.name_claim(f"{attempt}.started"), {"at": self._now(), "job": job})
        return Response(202, {"status": "started", "job": job, **answer})

    def _enter_round(self, start: Start) -> str | None:
        """Create the start's claim of its round. If the watch or the partner has the last one, return its run's id."""
        if not start.round_folder:
            return None
        number = 1
        while not self._claims.claim_round(start.round_folder, number, start.run_id):
            names = self._claims.list_names(start.round_folder)
            number = max(list_numbers(names), default=number)
            holder = str(self._claims.read(f"{start.round_folder}{number}.claim")["run"])
            if holder.startswith((WATCH_RUN, PARTNER_RUN)):
                return holder
            number += 1
        return None

    def _start_job(self, start: Start, attempt: int) -> str:
        """Start the job. If the answer is lost, look the job up before trying again. Raises StartError."""
        for pause in (*PAUSES, None):
            try:
                return self._cluster.start(start.row, f"{start.run_id}-{attempt}", start.env)
            except StartError as error:
                try:
                    job = self._look_up(start) if error.unclear else None
                except StartError:
                    raise error from None
                if job:
                    return job
                if pause is None or not error.busy:
                    raise
                self._sleep(pause)
        raise AssertionError("unreachable")

    def _look_up(self, start: Start) -> str | None:
        # The list of jobs may lag behind; for longer, the lease delays the next attempt.
        for pause in (*PAUSES, None):
            job = self._cluster.find(start.row, start.run_id)
            if job or pause is None:
                return job
            self._sleep(pause)
        return None


def read_run_id(containers: Iterable[Mapping[str, Any]]) -> str:
    """Return RUN_ID among the variables of an execution's containers on Cloud Run or Azure; empty without it."""
    variables = (variable for container in containers for variable in container.get("env") or ())
    return next((str(each.get("value")) for each in variables if each["name"] == "RUN_ID"), "")
