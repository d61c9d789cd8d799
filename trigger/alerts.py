"""Tells a node's owner what happened to its rounds: finds the events of a pass, and sends each of them once.

What was sent is a mark beside the round's claims: `alert-EVENT.CHANNEL`. It is written after the message was accepted,
so a message that could not be sent is sent by the next pass, and one whose mark could not be written is sent again.
Messages are sent after the pass has started its jobs. An address that fails is not called again in that pass.

A region's heartbeat is a call of another address after each pass that could look at all nodes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from trigger.alert_channels import Alert, AlertError, clean_log, post_alert, send
from trigger.claims import REFUSED, name_round
from trigger.core import Trigger
from trigger.job_runs import FAILED, RUNNING, STOPPED, SUCCEEDED, JobRun
from trigger.starts import StartError
from trigger.table import Row, StoreError
from trigger.watch import Look

EVENTS = {
    "failed": "the run failed",
    "at-risk": "the round is at risk",
    "missed": "the round was missed",
    "rescued": "the round was rescued",
    "recovered": "the round has its submission after all",
    "limit": "the run used most of its time limit",
    "keys-refused": "Numerai refuses the API keys",
    "calls-refused": "the trigger refuses calls",
    "test": "a test message",
}
# A round without a submission is at risk if it closes so soon, or in its last quarter.
RISK_SECONDS = 900
# The share of the time limit above which a run is reported.
MOST = 0.8
# How long a pass may send messages; the next pass sends the rest.
BUDGET_SECONDS = 20
# How long an address that was read is used.
ADDRESS_SECONDS = 3600
_BAD = ("failed", "at-risk")


class Evidence(Protocol):
    """The cloud, as alerts see it."""

    def read_log(self, row: Row, run: JobRun) -> list[str]:
        """Return the last lines of a run's log. Raises StartError."""

    def link(self, row: Row, run: JobRun | None) -> str:
        """Return the page of the cloud's console that shows a run, or the job's runs."""


class Settings(NamedTuple):
    """The row's column `alerts`: the job's time limit, and the reference of each channel."""

    timeout: float
    channels: Mapping[str, str]

    @staticmethod
    def read(text: str) -> Settings:
        """Return the settings, such as `3600 webhook=REFERENCE email=REFERENCE`."""
        timeout, *channels = text.split()
        pairs = (channel.partition("=") for channel in channels)
        return Settings(float(timeout), {name: reference for name, _, reference in pairs})


class _Event(NamedTuple):
    name: str
    reason: str = ""
    run: JobRun | None = None


class Alerts:
    """Sends one region's alerts and heartbeats."""

    def __init__(
        self,
        trigger: Trigger,
        evidence: Evidence,
        read_address: Callable[[str], str],
        mail: Callable[[str, Alert], None],
        now: Callable[[], float],
    ) -> None:
        """`read_address` returns the address of a reference (StoreError); `mail` sends an e-mail (AlertError)."""
        self._trigger, self._evidence, self._read_address, self._mail = trigger, evidence, read_address, mail
        self._now = now
        self._addresses: dict[str, tuple[str, float]] = {}
        self._quiet: set[str] = set()
        self._broken: set[str] = set()

    def report(self, looks: Sequence[Look]) -> None:
        """Send what a pass has found out. Errors are logged, and the next pass tries again."""
        self._broken = set()
        until = self._now() + BUDGET_SECONDS
        for look in looks:
            folder = name_round(look.row.node, look.round.number)
            if look.row.alerts and folder not in self._quiet and self._now() < until:
                try:
                    self._report_node(look, folder)
                except (StoreError, ValueError) as error:
                    self._note(look.row.node, "failed", str(error))

    def beat(self, references: Iterable[str]) -> None:
        """Call the region's heartbeats."""
        for reference in references:
            try:
                send("GET", self._find_address(reference))
            except (AlertError, StoreError) as error:
                self._addresses.pop(reference, None)
                self._note("", "failed", f"heartbeat: {error}")

    def send_test(self, row: Row) -> dict[str, str]:
        """Send a test message on each of a node's channels; return `sent`, or why not, by channel."""
        alert = self._build(row, _Event("test", "If you read this, the node's alerts reach you."), None)
        outcomes = {}
        for channel, reference in Settings.read(row.alerts).channels.items():
            try:
                self._send(channel, reference, alert)
                outcomes[channel] = "sent"
            except (AlertError, StoreError) as error:
                outcomes[channel] = str(error)
        return outcomes

    def _report_node(self, look: Look, folder: str) -> None:
        row, settings = look.row, Settings.read(look.row.alerts)
        self._report_refusals(row, settings)
        marks = self._trigger.claims.list_names(folder)
        runs = look.runs or self._read_runs(folder, marks)
        complete = True
        for event in self._find_events(look, runs, folder, marks, settings.timeout):
            complete &= self._tell(row, settings, event, f"{folder}alert-{event.name}.", marks, look.round.number)
        if complete and not marks.isdisjoint({"submitted", "missed"}):
            self._quiet.add(folder)

    def _report_refusals(self, row: Row, settings: Settings) -> None:
        """Report the days on which the trigger refused calls for the node."""
        folder = f"{row.node}/{REFUSED}/"
        marks = self._trigger.claims.list_names(folder)
        for day in sorted(mark.removesuffix(".seen") for mark in marks if mark.endswith(".seen")):
            if all(f"{day}.{channel}" in marks for channel in settings.channels):
                continue
            record = self._trigger.claims.read(f"{folder}{day}.seen")
            reason = (
                f"A call was refused with HTTP {record['http']}: {record['reason']}. If it came from Numerai, its "
                "rounds start only with the watch: run `pulumi up`, which registers the webhook again."
            )
            self._tell(row, settings, _Event("calls-refused", reason), f"{folder}{day}.", marks, None)

    def _read_runs(self, folder: str, marks: set[str]) -> list[JobRun]:
        """Return the ended runs that the watch has recorded, oldest first."""
        ended = [mark for mark in marks if mark.endswith(".ended")]
        records = [(mark, self._trigger.claims.read(folder + mark)) for mark in ended]
        runs = [
            JobRun(
                record["job"],
                mark.removesuffix(".ended"),
                record["state"],
                record["created"],
                record["ended"],
                record["own"],
                record["reason"],
            )
            for mark, record in records
        ]
        return sorted(runs, key=lambda run: run.created)

    def _find_events(
        self, look: Look, runs: list[JobRun], folder: str, marks: set[str], timeout: float
    ) -> Iterator[_Event]:
        """Yield what there is to tell about a round. `marks` grows while messages are sent."""
        failed = [run for run in runs if run.state == FAILED]
        if failed:
            yield _Event("failed", _explain_failure(failed[0], look), failed[0])
        elif look.refused_start:
            yield _Event("failed", f"The job could not be started: {look.refused_start}")
        if look.refused_keys:
            reason = f"{look.refused_keys}. The watch cannot see submissions, and counts a run that ended well as one."
            yield _Event("keys-refused", reason)
        for run in runs:
            share = ((run.ended or 0) - (run.started or run.created)) / timeout
            if run.state == SUCCEEDED and share > MOST:
                minutes = f"{share * timeout / 60:.0f} of {timeout / 60:g} minutes"
                yield _Event("limit", f"It took {minutes}; a longer one is ended. Set a longer `timeout`.", run)
                break
        if "submitted" in marks or look.outcome in ("submitted", "rescued"):
            yield from self._find_submission(folder, marks)
        elif "missed" in marks or look.outcome == "missed":
            yield _Event("missed", _explain_missed(runs), runs[-1] if runs else None)
        elif risk := _find_risk(look, runs, self._now()):
            yield _Event("at-risk", risk, runs[-1] if runs else None)

    def _find_submission(self, folder: str, marks: set[str]) -> Iterator[_Event]:
        record = self._trigger.claims.read(f"{folder}submitted")
        at = time.strftime("%H:%M", time.gmtime(record["at"]))
        if record.get("rescued"):
            yield _Event("rescued", f"The node's own run did not submit in time. Its rescue has, at {at} UTC.")
        if record["late"]:
            yield _Event("missed", f"The submission came at {at} UTC, after the round had closed.")
        elif any(mark.startswith(tuple(f"alert-{event}." for event in _BAD)) for mark in marks):
            yield _Event("recovered", f"It was submitted at {at} UTC.")

    def _tell(
        self, row: Row, settings: Settings, event: _Event, prefix: str, marks: set[str], number: int | None
    ) -> bool:
        """Send an event on the channels that have no mark of it yet. Returns whether all have one now."""
        folder, _, name = prefix.rpartition("/")
        alert: Alert | None = None
        for channel, reference in settings.channels.items():
            if name + channel in marks or reference in self._broken:
                continue
            alert = alert or self._build(row, event, number)
            try:
                self._send(channel, reference, alert)
            except (AlertError, StoreError) as error:
                self._broken.add(reference)
                self._note(row.node, "failed", f"{channel}: {error}")
                continue
            self._trigger.claims.create(f"{folder}/{name}{channel}", {"at": self._now(), "title": alert.title})
            marks.add(name + channel)
            self._note(row.node, event.name, f"told by {channel}", 200)
        return all(name + channel in marks for channel in settings.channels)

    def _build(self, row: Row, event: _Event, number: int | None) -> Alert:
        log: tuple[str, ...] = ()
        if event.run and event.name == "failed":
            try:
                log = clean_log(self._evidence.read_log(row, event.run))
            except (StartError, StoreError, OSError, ValueError, KeyError) as error:
                log = (f"(the log could not be read: {str(error)[:200]})",)
        round_ = "" if number is None else f", round {number}"
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._now()))
        title = f"{row.node}{round_}: {EVENTS[event.name]}"
        return Alert(event.name, row.node, title, number, event.reason, log, self._evidence.link(row, event.run), at)

    def _send(self, channel: str, reference: str, alert: Alert) -> None:
        """Send an alert on one channel. Raises AlertError or StoreError."""
        if channel == "email":
            self._mail(reference, alert)
            return
        try:
            post_alert(self._find_address(reference), alert)
        except AlertError:  # perhaps the secret has another value now
            self._addresses.pop(reference, None)
            raise

    def _find_address(self, reference: str) -> str:
        address, until = self._addresses.get(reference, ("", 0.0))
        if self._now() >= until:
            address = self._read_address(reference)
            self._addresses[reference] = address, self._now() + ADDRESS_SECONDS
        return address

    def _note(self, node: str, status: str, reason: str, http: int = 0) -> None:
        line: dict[str, Any] = {"node": node, "route": "alert", "http": http, "status": status, "reason": reason}
        self._trigger.note(line)


def _explain_failure(run: JobRun, look: Look) -> str:
    reason = run.reason.rstrip(".") or "The cloud gives no reason"
    following = {
        "started": "It was started again.",
        "running": "Another run is in progress.",
        "failed": "It is not repeated again.",
        "late": "There is no time to repeat it.",
    }.get(look.outcome, "")
    return f"{reason}. {following}".strip()


def _explain_missed(runs: list[JobRun]) -> str:
    if not runs:
        return "No run was started, and the round has closed."
    reasons = {
        FAILED: f"The last run failed: {runs[-1].reason.rstrip('.') or 'the cloud gives no reason'}.",
        STOPPED: "The last run was stopped.",
        RUNNING: "The run has not ended yet.",
    }
    return reasons.get(runs[-1].state, "The last run ended without a submission.")


def _find_risk(look: Look, runs: list[JobRun], now: float) -> str:
    """Return why an open round is at risk; empty if it is not."""
    if look.outcome == "stopped":  # by a person, who knows
        return ""
    closes = f"The round closes at {time.strftime('%H:%M', time.gmtime(look.round.closes))} UTC."
    if look.outcome == "failed":
        return f"There is no submission, and the run is not repeated again. {closes} `pnodes trigger` starts another."
    if look.outcome == "late":
        return f"There is no submission, and a run as long as the node's usual ones would end too late. {closes}"
    left = min(RISK_SECONDS, (look.round.closes - look.round.opens) / 4)
    if look.round.closes - left <= now < look.round.closes:
        state = "a run is in progress" if look.outcome == "running" else "no run is in progress"
        return f"There is no submission, and {state}. {closes}{' ' + look.error if look.error else ''}"
    return ""
