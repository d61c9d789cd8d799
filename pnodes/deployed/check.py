"""Tests one node for `pnodes test`: Numerai calls the webhook, and the test follows the run step by step.

There are four steps; each depends on the previous one. A cloud's log may be minutes late (Azure), so a step also counts
as passed once a later step is visible. The test ends with the submission, with the first error that waiting cannot
resolve, or when its time is up.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from urllib.parse import urlsplit

from pnodes.wording import moment
from providers.operations import NodeOperations, OperationsError, Run, State
from providers.refusal import Refusal
from trigger.log_line import TriggerLine, format_line, parse

STEPS = ("webhook reached", "job scheduled", "container started", "submission carries the trigger id")
_REACHED, _SCHEDULED, _STARTED, _SUBMITTED = range(4)
_LATE_SECONDS = 45.0  # how long after the end of its job a submission may take to appear at Numerai
_UNANSWERED = 3  # polls in a row
_TAIL = 25


class Numerai(Protocol):
    """The queries that a test sends to Numerai; implemented by providers.numerai.client.Client."""

    def webhook(self, model_id: str) -> str | None:
        """Return the URL of the model's webhook."""

    def fire(self, model_id: str) -> str:
        """Call the webhook as a test and return the trigger id."""

    def submissions(self, model_id: str) -> list[dict[str, Any]]:
        """Return the model's submissions, newest first."""


@dataclass
class Result:
    """The outcome of a test. `steps`: a detail for each step that passed, in order; `stopped`: why the test ended."""

    node: str
    trigger_id: str = ""
    run: Run | None = None
    steps: list[str] = field(default_factory=list)
    stopped: str = ""
    log: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether every step passed."""
        return len(self.steps) == len(STEPS)

    @property
    def last_step(self) -> int:
        """The step at which the test ended. A job that failed did so in its container, not in its submission."""
        failed = self.run is not None and self.run.state in (State.FAILED, State.CANCELLED)
        return min(len(self.steps), _STARTED if failed else _SUBMITTED)


class Stopped(Exception):
    """The reason why the test cannot continue."""


def compare_webhooks(own: str, registered: str | None) -> str:
    """Return how a model's webhook at Numerai differs from its node's own, and what to do; empty if it does not."""
    if registered == own:
        return ""
    # Without a refresh, `up` does not notice what was changed at Numerai.
    other = f"another webhook for this model, at {urlsplit(registered).hostname}" if registered else ""
    return f"Numerai has {other or 'no webhook for this model'}; `pulumi up --refresh` sets the node's own again"


@dataclass
class Check:
    """A test of one node. `health` returns the problem with the trigger's own URL, or an empty string."""

    node: str
    model_id: str
    webhook: str
    cloud: NodeOperations
    numerai: Numerai
    health: Callable[[str], str]
    timeout: float
    report: Callable[[str], None] = lambda _: None
    pause: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def perform(self) -> Result:
        """Run the test. Raises the errors of the cloud and Numerai only before the webhook is called."""
        self._result, began = Result(self.node), self.clock()
        self._fired = datetime.now(UTC)
        self._ended: float | None = None
        self._unanswered = 0
        try:
            self._fire()
            while not self._poll():
                if self.clock() - began > self.timeout:
                    raise Stopped(f"nothing more happened within {self.timeout:g} s{self._describe_job()}")
                self.pause(self.cloud.poll_seconds)
        except Stopped as stop:
            self._result.stopped = str(stop)
            with suppress(OperationsError):
                self._result.log = self._read_log()
        self._result.seconds = self.clock() - began
        return self._result

    def _fire(self) -> None:
        from providers.numerai.client import KeysRefused, NumeraiRefused

        if difference := compare_webhooks(self.webhook, self.numerai.webhook(self.model_id)):
            raise Stopped(f"{difference}, unless nodes.yaml has `register: false`.")
        problem = self.health(self.webhook)
        if problem:
            raise Stopped(f"the trigger does not answer: {problem}")
        self.numerai.submissions(self.model_id)  # start nothing with keys that may not read the submissions
        self._fired = datetime.now(UTC)
        try:
            self._result.trigger_id = self.numerai.fire(self.model_id)
        except KeysRefused:
            raise
        except NumeraiRefused as refused:
            raise Stopped(str(refused)) from refused
        self.report(f"Numerai fired the webhook, trigger id {self._result.trigger_id}")

    def _poll(self) -> bool:
        """Return whether the test has passed. Tolerates a few polls without an answer, which tell nothing about the
        run. Raises Stopped."""
        from providers.numerai.client import NumeraiSilent

        try:
            passed = self._check_progress()
        except (OperationsError, Refusal) as error:
            self._unanswered += 1
            temporary = type(error) in (OperationsError, NumeraiSilent)
            if not temporary or self._unanswered > _UNANSWERED:
                raise Stopped(f"{error} The run continues: `pnodes status` shows how it ends.") from error
            return False
        self._unanswered = 0
        return passed

    def _check_progress(self) -> bool:
        """Record the steps that have passed; return whether all have. Raises Stopped."""
        run = self._find_run()
        if run is None:
            self._check_trigger()
        else:
            self._result.run = run
            self._pass_step(_SCHEDULED, f"job {run.id}")
            if run.state is State.RUNNING or (run.state.ended and run.started is not None):
                self._pass_step(_STARTED, moment(run.started) if run.started else "")
        submissions = self.numerai.submissions(self.model_id)
        mine = next((entry for entry in submissions if entry.get("triggerId") == self._result.trigger_id), None)
        if mine is not None:
            self._pass_step(_SUBMITTED, f"submission {mine['id']}" if mine.get("id") else f"at {mine['insertedAt']}")
            return True
        if run is not None and run.state.ended:
            self._explain_missing_submission(run, submissions)
        return False

    def _find_run(self) -> Run | None:
        if self._result.run is not None:
            return self.cloud.run(self._result.run.id)
        return next((run for run in self.cloud.runs() if run.trigger_id == self._result.trigger_id), None)

    def _check_trigger(self) -> None:
        """Look for the call in the trigger's log, as long as there is no job. Raises Stopped."""
        for line in self._read_calls():
            if line.run == self._result.trigger_id:
                self._pass_step(_REACHED, f"HTTP {line.http} {line.status}")
                if line.http >= 500:
                    raise Stopped(f"the trigger could not start the job (HTTP {line.http}): {line.reason}")
                if line.job:
                    self._pass_step(_SCHEDULED, f"job {line.job_id}")
            elif line.refused and not line.run:
                raise Stopped(f"the trigger refused the call (HTTP {line.http}): {line.reason}")

    def _read_calls(self) -> list[TriggerLine]:
        lines = self.cloud.trigger_log(since=self._fired - timedelta(seconds=2))
        return [call for line in lines if (call := parse(line.text)) and call.route == "pred"]

    def _explain_missing_submission(self, run: Run, submissions: list[dict[str, Any]]) -> None:
        """Stop if the job failed, or if its submission is overdue. Raises Stopped."""
        if run.state is not State.SUCCEEDED:
            how = "was stopped" if run.state is State.CANCELLED else "failed"
            raise Stopped(f"the job {how}: {run.reason or 'the cloud gives no reason'}")
        now = self.clock()
        self._ended = self._ended if self._ended is not None else now
        if now - self._ended > _LATE_SECONDS:
            newest = "the model has no submission at all"
            if submissions:
                trigger_id = submissions[0].get("triggerId") or "none"
                newest = f"the newest one, of {submissions[0]['insertedAt']}, has the trigger id {trigger_id}"
            raise Stopped(
                f"the job succeeded, but Numerai has no submission with this trigger id ({newest}). Submit with "
                "numerapi in the container: it sends TRIGGER_ID with the submission."
            )

    def _pass_step(self, step: int, detail: str) -> None:
        """Mark this step and all earlier steps as passed."""
        for number in range(len(self._result.steps), step + 1):
            remark = detail if number == step else ""
            self._result.steps.append(remark)
            self.report(f"{STEPS[number]}{': ' + remark if remark else ''}")

    def _describe_job(self) -> str:
        run = self._result.run
        if run is None:
            return ""
        return f"; the job is {run.state}{' (' + run.reason + ')' if run.reason else ''}"

    def _read_log(self) -> list[str]:
        """Return the last lines of the job's log, or of the trigger's log if there is no job."""
        run = self._result.run
        if run is None:
            lines = self.cloud.trigger_log(since=self._fired - timedelta(seconds=2))
            return [format_line(line.text) for line in lines][-_TAIL:]
        began = self.clock()
        while True:
            tail = [line.text for line in self.cloud.log(run, limit=_TAIL)][-_TAIL:]
            if tail or run.started is None or self.clock() - began > self.cloud.lag_seconds:
                return tail
            self.pause(self.cloud.poll_seconds)
