"""Prepare what the templates show: one view for each node, with its texts, charts and submissions.

Foreign text (from a cloud, Numerai or a model) is scrubbed of secrets here; the templates only escape it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pnodes.dashboard import plots, story
from pnodes.dashboard.sources import ALL, CALLS, HISTORY, ROUNDS, RUNS, SCORES, SENT, Answer, Call, Calls, Rounds
from pnodes.dashboard.story import Entry, Outcome, Round, Submission
from pnodes.dashboard.watch import Snapshot
from pnodes.dashboard.words import duration, moment, plural
from pnodes.deployed.history import RoundRecord, describe_availability, describe_result
from pnodes.deployed.scores import Scores
from pnodes.deployed.stack import StackNode
from pnodes.plan import spending
from pnodes.plan.earnings import Earnings, join_rounds
from pnodes.scrubbing import Scrubber
from providers.operations import Run, State

_TRIGGERS_SHOWN, _ROUNDS_SHOWN, _SUBMISSIONS_SHOWN, _SCORES_SHOWN = 8, 20, 20, 30
LEVELS = {
    Outcome.SUBMITTED: "good",
    Outcome.LATE: "warn",
    Outcome.FINISHED: "none",
    Outcome.ENDED: "warn",
    Outcome.RUNNING: "busy",
    Outcome.WAITING: "busy",
    Outcome.FAILED: "bad",
    Outcome.STOPPED: "warn",
    Outcome.NOT_STARTED: "bad",
}


@dataclass(frozen=True)
class Step:
    """One step of a trigger: its description, time and level."""

    what: str
    time: datetime | None
    level: str


@dataclass(frozen=True)
class TriggerView:
    """One trigger of a node's timeline."""

    entry: Entry
    row: plots.Row
    level: str
    steps: tuple[Step, ...]
    reason: str

    @property
    def id(self) -> str:
        """Unique among the node's triggers."""
        return self.entry.run.id if self.entry.run else self.entry.calls[0].line.run


@dataclass(frozen=True)
class Cell:
    """One round of a model; `kind` is `on-time`, `late`, `missed`, `none` or `open`."""

    round: int
    kind: str
    tip: str


@dataclass(frozen=True)
class NodeView:
    """One node's card."""

    node: StackNode
    waiting: bool
    level: str
    state: str
    problems: tuple[str, ...]
    notice: str
    triggers: tuple[TriggerView, ...]
    timeline: plots.Timeline
    durations: plots.Durations | None
    runs: tuple[Run, ...]
    cells: tuple[Cell, ...]
    submissions: tuple[Submission, ...]
    submissions_known: bool
    history: tuple[tuple[RoundRecord, str], ...]
    """The recorded rounds, newest first, each with a description of its result."""
    availability: str
    cost: spending.Spent
    scores: Scores | None
    earnings: tuple[Earnings, ...]
    """The newest rounds with their scores, newest first."""

    @property
    def console(self) -> str:
        """The console's address; empty if the stack's value is not an HTTPS address."""
        return self.node.console if self.node.console.startswith("https://") else ""


def build_node_view(snapshot: Snapshot, name: str, now: datetime) -> NodeView:
    """Build a node's card from the answers so far."""
    clean, node = snapshot.scrubber, snapshot.deployment.nodes[name]
    answers = {kind: snapshot.of(kind, name) for kind in (RUNS, CALLS, SENT, HISTORY)}
    runs: list[Run] = answers[RUNS].value or []
    calls = (answers[CALLS].value or Calls()).calls
    history: list[RoundRecord] = answers[HISTORY].value or []
    rounds = list_rounds(snapshot, node.tournament)
    submissions = story.parse_submissions(answers[SENT].value or [], rounds, runs)
    entries = story.list_entries(calls, runs, submissions, answers[SENT].at)
    shown = entries[:_TRIGGERS_SHOWN]
    timeline = plots.lay_out_timeline(shown, now)
    triggers = [_build_trigger(entry, row, clean, now) for entry, row in zip(shown, timeline.rows, strict=True)]
    level, state = _describe_state(node, entries, answers[RUNS], now)
    scores, unscored = find_scores(snapshot, name)
    return NodeView(
        node=node,
        waiting=answers[RUNS].waiting,
        level=level,
        state=state,
        problems=tuple(dict.fromkeys([*_list_problems(answers, clean), *map(clean.scrub_foreign, unscored)])),
        notice=clean.scrub_foreign(_describe_refusals(node, story.list_refused(calls), entries)),
        triggers=tuple(triggers),
        timeline=timeline,
        durations=plots.lay_out_durations(runs),
        runs=tuple(runs),
        cells=tuple(_list_cells(rounds, submissions, runs, now)) if answers[SENT].at else (),
        submissions=tuple(submissions[:_SUBMISSIONS_SHOWN]),
        submissions_known=answers[SENT].at is not None,
        history=tuple((round_, clean.scrub_foreign(describe_result(round_))) for round_ in history),
        availability=describe_availability(history),
        cost=spending.estimate_spending(node, runs)
        if answers[RUNS].at
        else spending.Spent(None, 0, None, "the runs are not known"),
        scores=scores,
        earnings=tuple(join_rounds(node, scores, history)[:_SCORES_SHOWN]) if scores else (),
    )


def find_scores(snapshot: Snapshot, name: str) -> tuple[Scores | None, list[str]]:
    """Return what Numerai says about a node's model, and the problems of asking it."""
    answers: dict[str, tuple[Scores | None, list[str]]] = snapshot.of(SCORES, ALL).value or {}
    return answers.get(name, (None, []))


def list_rounds(snapshot: Snapshot, tournament: str) -> list[Round]:
    """Return the rounds of a tournament, oldest first; empty if Numerai has not answered."""
    answer: Rounds | None = snapshot.of(ROUNDS, tournament).value
    return story.parse_rounds(answer.rounds) if answer else []


def _list_problems(answers: dict[str, Answer], clean: Scrubber) -> Iterator[str]:
    for answer in answers.values():
        if answer.problem:
            since = f" The data shown is from {moment(answer.at)}." if answer.at else ""
            yield clean.scrub_foreign(answer.problem) + since


def _describe_state(node: StackNode, entries: Sequence[Entry], runs: Answer, now: datetime) -> tuple[str, str]:
    if runs.waiting:
        return "none", "asking its cloud"
    if not node.enabled and not (entries and LEVELS[entries[0].outcome] == "busy"):
        return "none", "disabled"
    if not entries:
        return ("bad", "not reachable") if runs.problem else ("none", "never ran")
    newest = entries[0]
    level, state = LEVELS[newest.outcome], str(newest.outcome)
    if newest.outcome is Outcome.RUNNING and newest.run and newest.run.seconds is not None:
        state = f"running for {duration(newest.run.seconds)}"
    elif newest.submission is not None and newest.submission.round is not None and level in ("good", "warn"):
        state = f"{state}, round {newest.submission.round}"
    return level, state


def _describe_refusals(node: StackNode, refused: Sequence[Call], entries: Sequence[Entry]) -> str:
    """Describe the refused calls since the last run; empty if there are none. Calls from before the node was enabled
    no longer matter."""
    last_run = max((entry.at for entry in entries if entry.run), default=datetime.min.replace(tzinfo=UTC))
    new = [call for call in refused if call.time > last_run and not (node.enabled and call.line.disabled)]
    if not new:
        return ""
    return (
        f"{plural(len(new), 'call was', 'calls were')} refused since the last run, "
        f"the newest at {moment(new[-1].time)}: {new[-1].line.reason}."
    )


def _build_trigger(entry: Entry, row: plots.Row, clean: Scrubber, now: datetime) -> TriggerView:
    reasons = [call.line.reason for call in entry.calls if call.line.http >= 400][-1:]
    if entry.run is not None:
        reasons = [entry.run.reason]
    reason = clean.scrub_foreign("; ".join(reason for reason in reasons if reason))
    return TriggerView(entry, row, LEVELS[entry.outcome], tuple(_list_steps(entry, clean, now)), reason)


def _list_steps(entry: Entry, clean: Scrubber, now: datetime) -> list[Step]:
    """Return the steps in chronological order; the current one is last."""
    steps = [*_list_call_steps(entry, clean), *_list_run_steps(entry, clean, now), *_list_submission_steps(entry)]
    return sorted(steps, key=lambda step: step.time or datetime.max.replace(tzinfo=UTC))


def _list_call_steps(entry: Entry, clean: Scrubber) -> Iterator[Step]:
    for call in entry.calls:
        caller = "schedule" if call.line.route == "schedule" else "webhook"
        reason = f": {call.line.reason}" if call.line.reason else ""
        answer = clean.scrub_foreign(f"answered {call.line.http} {call.line.status}{reason}")
        yield Step(f"{caller} called, {answer}", call.time, "good" if call.line.http < 400 else "bad")
    if entry.run is None and entry.outcome is Outcome.WAITING:
        yield Step("the cloud does not list the job yet", None, "busy")


def _list_run_steps(entry: Entry, clean: Scrubber, now: datetime) -> Iterator[Step]:
    run = entry.run
    if run is None:
        return
    no_call = "" if entry.calls else " (its call is not in the trigger's log)"
    yield Step(f"job started{no_call}", run.created, "good")
    if run.started is not None:
        waited = duration((run.started - run.created).total_seconds())
        yield Step(f"container started, after {waited}", run.started, "good")
    elif not run.state.ended:
        reason = clean.scrub_foreign(f": {run.reason}" if run.reason else "")
        yield Step(f"waiting for its container{reason}", None, "busy")
    if run.state.ended:
        took = f", after {duration(run.seconds)}" if run.seconds is not None else ""
        good = run.state is State.SUCCEEDED
        reason = clean.scrub_foreign(f": {run.reason}" if run.reason and not good else "")
        yield Step(f"{_ENDS[run.state]}{took}{reason}", run.stopped, "good" if good else LEVELS[entry.outcome])
    elif run.started is not None:
        yield Step(f"running for {duration(max((now - run.started).total_seconds(), 0))}", None, "busy")


def _list_submission_steps(entry: Entry) -> Iterator[Step]:
    if entry.submission is not None:
        how = {True: ", on time", False: ", late", None: ""}[entry.submission.on_time]
        linked = ", with this trigger's id" if entry.submission.trigger_id else ", without a trigger id"
        level = "warn" if entry.submission.on_time is False else "good"
        round_ = "" if entry.submission.round is None else f" for round {entry.submission.round}"
        yield Step(f"submitted{round_}{how}{linked}", entry.submission.time, level)
    elif entry.silent:
        yield Step("Numerai has no submission from this run", None, "warn")


_ENDS = {State.SUCCEEDED: "finished", State.FAILED: "failed", State.CANCELLED: "stopped"}


def _list_cells(
    rounds: Sequence[Round], submissions: Sequence[Submission], runs: Sequence[Run], now: datetime
) -> Iterator[Cell]:
    opened = [round_ for round_ in rounds if round_.opens is None or round_.opens <= now][-_ROUNDS_SHOWN:]
    since = min((run.created for run in runs), default=None)
    for round_ in opened:
        for_round = [submission for submission in submissions if submission.round == round_.number]
        on_time = [submission for submission in for_round if submission.on_time is not False]
        if for_round:
            newest = (on_time or for_round)[0]
            kind = "on-time" if on_time else "late"
            tip = f"submitted {moment(newest.time)}, {'late' if kind == 'late' else 'on time'}"
        elif round_.open_at(now):
            kind, tip = "open", "open, nothing submitted yet"
        elif since is not None and round_.closes is not None and round_.closes > since:
            kind, tip = "missed", "closed without a submission"
        else:
            kind, tip = "none", "no submission; the cloud no longer lists runs of that time"
        yield Cell(round_.number, kind, f"round {round_.number}\n{tip}")
