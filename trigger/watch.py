"""Makes sure that every open round gets a submission, whatever has failed: the webhook, the start, or the run.

A scheduler calls `Watch.run_pass` every few minutes. For each node whose round is open it asks Numerai for the
submission and the cluster for the node's runs, and starts the job if both say that nothing will come. Before it starts
a job, it creates the round's next claim (`claims`), as each start does, so a late webhook and another pass find it.

What a pass learns is written beside the claims: `K.ended` for each run that has ended, then `submitted` or `missed`.
These marks are the node's history, and a round with the last mark is not looked at again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, Protocol

from trigger.claims import LEASE_SECONDS, MAX_ATTEMPTS, SCHEDULE_RUN, name_round
from trigger.core import Trigger
from trigger.job_runs import RUNNING, SETTLE_SECONDS, STOPPED, SUCCEEDED, JobRun, Runs, find_usual_seconds
from trigger.numerai_api import TOURNAMENTS, Keys, KeysRefused, Numerai, NumeraiError, Round
from trigger.partner import CLEAR, SUBMITTED, Desk, Partners, Send, hangs, send
from trigger.starts import StartError
from trigger.table import Row, StoreError

# How much earlier than its round's opening, by the cluster's clock, a run of that round may have started.
EARLY_SECONDS = 300
# For how long after its end a round is still looked at, to record what became of it.
CLOSED_SECONDS = 6 * 3600
_THREADS = 8


class Submissions(Protocol):
    """Numerai, as the watch sees it (`numerai.Numerai`)."""

    def find_round(self, tournament: str) -> Round | None: ...

    def find_submission(self, model_id: str, tournament: str, number: int, keys: Keys) -> float | None: ...


class Rules(NamedTuple):
    """How a node is watched: seconds from the opening to the first start, and the number of repeats."""

    after: float
    retries: int

    @staticmethod
    def read(text: str) -> Rules | None:
        """Return the rules of the row's column `watch`, such as `900-2`. None for a node that is not watched."""
        after, _, retries = text.partition("-")
        return Rules(float(after), int(retries)) if after.isdecimal() and retries.isdecimal() else None


class Look(NamedTuple):
    """What a pass has found out about a node's round, for `alerts`."""

    row: Row
    round: Round
    outcome: str
    runs: list[JobRun]
    """The round's runs, oldest first, as far as they were listed"""
    refused_start: str = ""
    refused_keys: str = ""
    error: str = ""
    """Why the outcome is unknown"""


class Alerts(Protocol):
    """`alerts.Alerts`."""

    def report(self, looks: Sequence[Look]) -> None: ...

    def beat(self, references: Iterable[str]) -> None: ...


class Watch:
    """Looks after the rounds of one region's nodes."""

    def __init__(
        self,
        trigger: Trigger,
        runs: Runs,
        numerai: Submissions,
        read_keys: Callable[[str], Keys],
        now: Callable[[], float],
        send: Send = send,
        open_alerts: Callable[[], Alerts] | None = None,
        heartbeats: Sequence[str] = (),
    ) -> None:
        """`read_keys` returns the keys of a row's reference, and raises StoreError. `send` calls partners.

        `open_alerts` is called if a node has alerts, or the region `heartbeats`, which are references of addresses.
        """
        self._trigger, self._runs, self._numerai, self._read_keys, self._now = trigger, runs, numerai, read_keys, now
        self._send = send
        self.answer = Desk(trigger, runs, read_keys, now).answer
        self._open_alerts, self._heartbeats = open_alerts, heartbeats
        self._settled: set[str] = set()
        self._complete = True

    def run_pass(self, enter: Callable[[], None] | None = None) -> dict[str, int]:
        """Look at every watched node once, in threads that call `enter`. Returns how many nodes had which outcome."""
        self._complete = True
        looks = self._look_at_all(enter)
        if self._open_alerts and any(look.row.alerts for look in looks):
            self._open_alerts().report(looks)
        if self._open_alerts and self._heartbeats and self._complete:
            self._open_alerts().beat(self._heartbeats)
        outcomes = [look.outcome for look in looks]
        return {outcome: outcomes.count(outcome) for outcome in sorted(set(outcomes))}

    def _look_at_all(self, enter: Callable[[], None] | None) -> list[Look]:
        rounds = self._find_rounds()
        if not rounds:  # most passes end here, and cost nothing
            return []
        try:
            rows = [row for row in self._trigger.list_rows() if row.enabled == "yes" and Rules.read(row.watch)]
        except StoreError as error:  # the next pass reads the table again
            self._note("", str(error))
            return []
        due = [(row, rounds[row.tournament]) for row in rows if row.tournament in rounds]
        partners = Partners(self._now(), self._send)
        with ThreadPoolExecutor(min(_THREADS, len(due)) or 1, initializer=enter) as pool:
            return list(pool.map(lambda pair: self._look_at(pair[0], pair[1], partners), due))

    def _find_rounds(self) -> dict[str, Round]:
        """Return the tournaments' rounds that are open, or were until a few hours ago."""
        rounds = {}
        for tournament in TOURNAMENTS:
            try:
                found = self._numerai.find_round(tournament)
            except NumeraiError as error:  # the next pass asks again
                self._note("", f"{tournament}: {error}")
                continue
            if found and found.opens <= self._now() < found.closes + CLOSED_SECONDS:
                rounds[tournament] = found
        return rounds

    def _look_at(self, row: Row, round_: Round, partners: Partners) -> Look:
        """Do what the node's round needs. Errors are logged, and the next pass tries again."""
        node = _Node(row, round_, self._trigger, self._now(), self._settled, partners)
        outcome, problem = "unknown", ""
        try:
            outcome = node.look(self._runs, self._numerai, self._read_keys)
        except (StoreError, StartError, NumeraiError) as error:
            problem = str(error)
            self._note(row.node, problem)
        return Look(row, round_, outcome, node.own, node.refused_start, node.refused_keys, problem)

    def _note(self, node: str, reason: str) -> None:
        self._complete = False
        self._trigger.note({"node": node, "route": "watch", "http": 0, "reason": reason})


def build_watch(
    trigger: Trigger, runs: Runs, read_keys: Callable[[str], Keys], open_alerts: Callable[[], Alerts] | None = None
) -> Watch:
    """Return the watch of this process's region."""
    heartbeats = os.environ.get("HEARTBEATS", "").split()
    return Watch(trigger, runs, Numerai(), read_keys, time.time, send, open_alerts, heartbeats)


class _Node:
    """One node and its round during one pass."""

    def __init__(
        self, row: Row, round_: Round, trigger: Trigger, now: float, settled: set[str], partners: Partners
    ) -> None:
        self._row, self._round, self._trigger, self._now, self._settled = row, round_, trigger, now, settled
        self._partners = partners
        self._folder = name_round(row.node, round_.number)
        self.own: list[JobRun] = []
        self.refused_start = self.refused_keys = ""

    def look(self, runs: Runs, numerai: Submissions, read_keys: Callable[[str], Keys]) -> str:
        if self._folder in self._settled:
            return "done"
        names = self._trigger.claims.list_names(self._folder)
        if "submitted" in names or "missed" in names:
            self._settled.add(self._folder)
            return "done"
        rules = Rules.read(self._row.watch)
        assert rules
        claims = self._trigger.claims.read_round(self._folder, names)
        known = runs.list_runs(self._row)
        own = self.own = self._select_runs(known, {str(claim["run"]) for claim in claims.values()})
        self._record_ends(own, names)
        if any(run.state == RUNNING for run in known):
            return "running"
        last = own[-1] if own else None
        if last is None and self._now < min(self._round.opens + rules.after, self._round.closes):
            return "waiting"
        keys = read_keys(self._row.keys)
        try:
            at = numerai.find_submission(self._row.model_id, self._row.tournament, self._round.number, keys)
        except KeysRefused as refused:
            self.refused_keys = str(refused)
            # Without Numerai's word, a run that ended well counts.
            at = last.ended if last and last.state == SUCCEEDED else None
        if at is not None:
            return self._settle_submitted(at, own)
        if self._now >= self._round.closes:
            self._settle("missed", {"at": self._now})
            return "missed"
        return self._start_again(rules, known, own, claims, keys)

    def _select_runs(self, known: list[JobRun], claimed: set[str]) -> list[JobRun]:
        """Return the round's runs, oldest first: those that claimed it, and scheduled ones. Tests are none."""
        since = self._round.opens - EARLY_SECONDS
        own = (run for run in known if run.run_id in claimed or run.run_id.startswith(SCHEDULE_RUN))
        return sorted((run for run in own if run.created >= since), key=lambda run: run.created)

    def _start_again(
        self, rules: Rules, known: list[JobRun], own: list[JobRun], claims: dict[int, dict[str, Any]], keys: Keys
    ) -> str:
        last = own[-1] if own else None
        if last is not None:
            if last.state == STOPPED:  # by a person, who knows why
                return "stopped"
            if last.state == SUCCEEDED and self._now - (last.ended or self._now) < SETTLE_SECONDS:
                return "waiting"
            blamed = [run for run in own if run.own_fault or run.state == SUCCEEDED]
            if len(own) > rules.retries or len(blamed) > 1:
                return "failed"
        if self._now + (find_usual_seconds(known) or 0) > self._round.closes:
            return "late"
        number = max(claims, default=0)
        if number:
            started = any(run.run_id == claims[number]["run"] for run in own)
            # A start may be under way, and the list of runs may lag behind.
            if not started and self._now - claims[number]["at"] < LEASE_SECONDS:
                return "waiting"
        if number >= MAX_ATTEMPTS:
            return "failed"
        instead = self._ask_partner(f"{number + 1}", known, own, keys)
        if instead:
            return instead
        response = self._trigger.start_round(self._row, self._round.number, number + 1)
        if response.status >= 400:
            self.refused_start = str(response.body.get("reason") or response.status)
        return "started" if response.status == 202 else "unknown"

    def _ask_partner(self, claim: str, known: list[JobRun], own: list[JobRun], keys: Keys) -> str | None:
        """Ask the node's rescue, or the node that this one rescues. Returns the outcome if no run must start.

        `claim` is the number of the round's claim that would come next.
        """
        report = self._partners.ask(self._row, self._round.number, claim, keys)
        if report is None or report.state == CLEAR:
            return None
        if report.state == SUBMITTED:
            return self._settle_submitted(report.at or self._now, own)
        if report.state != RUNNING:
            return "stopped" if report.state == STOPPED else "waiting"
        # A run that hangs must not cost the round: a second submission does no harm, and none does.
        return None if hangs(report, self._now, self._round.closes, find_usual_seconds(known)) else "waiting"

    def _record_ends(self, own: list[JobRun], names: set[str]) -> None:
        for run in own:
            if run.state == RUNNING or not run.run_id or f"{run.run_id}.ended" in names:
                continue
            record = {"job": run.job, "state": run.state, "reason": run.reason, "own": run.own_fault}
            self._trigger.claims.create(
                f"{self._folder}{run.run_id}.ended", {**record, "created": run.created, "ended": run.ended}
            )

    def _settle_submitted(self, at: float, own: list[JobRun]) -> str:
        """Record the submission. A rescue has made it if one of its own runs was in progress at that time."""
        runs = (run for run in own if run.created <= at <= (run.ended or at) + SETTLE_SECONDS)
        rescued = bool(self._row.primary) and any(runs)
        record = {"at": at, "late": at > self._round.closes}
        self._settle("submitted", {**record, "rescued": True} if rescued else record)
        return "rescued" if rescued else "submitted"

    def _settle(self, name: str, record: Mapping[str, Any]) -> None:
        self._trigger.claims.create(self._folder + name, record)
        self._settled.add(self._folder)
        self._trigger.note(
            {
                "node": self._row.node,
                "route": "watch",
                "http": 200,
                "status": "rescued" if record.get("rescued") else name,
                "run": f"round {self._round.number}",
            }
        )
