"""One node's test, as `pnodes test` makes it: Numerai fires the webhook, and what follows is watched step by step.

Four steps, each of which rests on the one before. A cloud's log may be minutes behind (Azure), so a step also counts as
passed when a later one can be seen. A test ends with the submission, with the first thing that cannot be put right by
waiting, or with the time that it was given.
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
from trigger.log_line import TriggerLine, parse, shown

STEPS = ("webhook reached", "job scheduled", "container started", "submission carries the trigger id")
_REACHED, _SCHEDULED, _STARTED, _SUBMITTED = range(4)
_LATE_SECONDS = 45.0  # how long after its job's end a submission may take to show at Numerai
_UNANSWERED = 3  # looks in a row
_TAIL = 25


class Numerai(Protocol):
    """What a test asks Numerai; providers.numerai.client.Client."""

    def webhook(self, model_id: str) -> str | None:
        """The model's webhook."""

    def fire(self, model_id: str) -> str:
        """Call it as a test; the trigger id."""

    def submissions(self, model_id: str) -> list[dict[str, Any]]:
        """Newest first."""


@dataclass
class Result:
    """How far a test came. `steps`: what is to be said of each step that passed, in order; `stopped`: why not on."""

    node: str
    trigger_id: str = ""
    run: Run | None = None
    steps: list[str] = field(default_factory=list)
    stopped: str = ""
    log: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether every step did."""
        return len(self.steps) == len(STEPS)


class Stopped(Exception):
    """The test goes no further; the text says why."""


@dataclass
class Check:
    """A test of one node. `health` gives what is wrong with the trigger's own address, or nothing."""

    node: str
    model_id: str
    webhook: str
    cloud: NodeOperations
    numerai: Numerai
    health: Callable[[str], str]
    timeout: float
    tell: Callable[[str], None] = lambda _: None
    pause: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def go(self) -> Result:
        """Make the test. Raises what the cloud and Numerai raise when they cannot be asked before anything is fired."""
        self._result, began = Result(self.node), self.clock()
        self._fired = datetime.now(UTC)
        self._ended: float | None = None
        self._unanswered = 0
        try:
            self._fire()
            while not self._seen():
                if self.clock() - began > self.timeout:
                    raise Stopped(f"nothing more happened within {self.timeout:g} s{self._so_far()}")
                self.pause(self.cloud.poll_seconds)
        except Stopped as stop:
            self._result.stopped = str(stop)
            with suppress(OperationsError):
                self._result.log = self._lines()
        self._result.seconds = self.clock() - began
        return self._result

    def _fire(self) -> None:
        from providers.numerai.client import KeysRefused, NumeraiRefused

        registered = self.numerai.webhook(self.model_id)
        if registered is None:
            raise Stopped(
                "Numerai has no webhook for this model. `pulumi up` sets it, unless nodes.yaml says `register: false`."
            )
        if registered != self.webhook:
            host = urlsplit(registered).hostname
            raise Stopped(
                f"Numerai has another webhook for this model, at {host}. `pulumi refresh` and `pulumi up` put this "
                "node's own there, unless nodes.yaml says `register: false`."
            )
        wrong = self.health(self.webhook)
        if wrong:
            raise Stopped(f"the trigger does not answer: {wrong}")
        self.numerai.submissions(self.model_id)  # keys that may not see the end of it: nothing is started then
        self._fired = datetime.now(UTC)
        try:
            self._result.trigger_id = self.numerai.fire(self.model_id)
        except KeysRefused:
            raise
        except NumeraiRefused as refused:
            raise Stopped(str(refused)) from refused
        self.tell(f"Numerai fired the webhook, trigger id {self._result.trigger_id}")

    def _seen(self) -> bool:
        """One look, unless somebody does not answer: that alone says nothing about the run, so it may happen a few
        times. Raises Stopped."""
        from providers.numerai.client import NumeraiSilent

        try:
            passed = self._looked()
        except (OperationsError, Refusal) as error:
            self._unanswered += 1
            passing = type(error) in (OperationsError, NumeraiSilent)
            if not passing or self._unanswered > _UNANSWERED:
                raise Stopped(f"{error} What was started runs on: `pnodes status` shows its end.") from error
            return False
        self._unanswered = 0
        return passed

    def _looked(self) -> bool:
        """One look; whether the test has passed. Raises Stopped."""
        run = self._run()
        if run is None:
            self._trigger()
        else:
            self._result.run = run
            self._pass(_SCHEDULED, f"job {run.id}")
            if run.state is State.RUNNING or (run.state.ended and run.started is not None):
                self._pass(_STARTED, moment(run.started) if run.started else "")
        wanted = self._result.trigger_id
        found = self.numerai.submissions(self.model_id)
        mine = next((each for each in found if each.get("triggerId") == wanted), None)
        if mine is not None:
            self._pass(_SUBMITTED, f"submission {mine['id']}" if mine.get("id") else f"at {mine['insertedAt']}")
            return True
        if run is not None and run.state.ended:
            self._over(run, found)
        return False

    def _run(self) -> Run | None:
        if self._result.run is not None:
            return self.cloud.run(self._result.run.id)
        return next((run for run in self.cloud.runs() if run.trigger_id == self._result.trigger_id), None)

    def _trigger(self) -> None:
        """What the trigger says of the call, while no job is seen. Raises Stopped."""
        for line in self._calls():
            if line.run == self._result.trigger_id:
                self._pass(_REACHED, f"HTTP {line.http} {line.status}")
                if line.http >= 500:
                    raise Stopped(f"the trigger could not start the job (HTTP {line.http}): {line.reason}")
                if line.job:
                    self._pass(_SCHEDULED, f"job {line.job_id}")
            elif line.refused and not line.run:
                raise Stopped(f"the trigger refused the call (HTTP {line.http}): {line.reason}")

    def _calls(self) -> list[TriggerLine]:
        lines = self.cloud.trigger_log(since=self._fired - timedelta(seconds=2))
        return [found for line in lines if (found := parse(line.text)) and found.route == "pred"]

    def _over(self, run: Run, found: list[dict[str, Any]]) -> None:
        """The job has ended and there is no submission of it (yet). Raises Stopped."""
        if run.state is not State.SUCCEEDED:
            how = "was stopped" if run.state is State.CANCELLED else "failed"
            raise Stopped(f"the job {how}: {run.reason or 'the cloud gives no reason'}")
        now = self.clock()
        self._ended = self._ended if self._ended is not None else now
        if now - self._ended > _LATE_SECONDS:
            newest = "the model has no submission at all"
            if found:
                carried = found[0].get("triggerId") or "none"
                newest = f"the newest one, of {found[0]['insertedAt']}, carries {carried}"
            raise Stopped(
                f"the job ended well, but Numerai has no submission with this trigger id ({newest}). numerapi sends "
                "TRIGGER_ID along when the container submits by it."
            )

    def _pass(self, step: int, detail: str) -> None:
        """This step and all before it have passed."""
        for number in range(len(self._result.steps), step + 1):
            said = detail if number == step else ""
            self._result.steps.append(said)
            self.tell(f"{STEPS[number]}{': ' + said if said else ''}")

    def _so_far(self) -> str:
        run = self._result.run
        if run is None:
            return ""
        return f"; the job is {run.state}{' (' + run.reason + ')' if run.reason else ''}"

    def _lines(self) -> list[str]:
        """The end of the log that tells more: the job's when there is one, else the trigger's."""
        run = self._result.run
        if run is None:
            lines = self.cloud.trigger_log(since=self._fired - timedelta(seconds=2))
            return [shown(line.text) for line in lines][-_TAIL:]
        began = self.clock()
        while True:
            found = [line.text for line in self.cloud.log(run, limit=_TAIL)][-_TAIL:]
            if found or run.started is None or self.clock() - began > self.cloud.lag_seconds:
                return found
            self.pause(self.cloud.poll_seconds)
