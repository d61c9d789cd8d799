"""What the templates show, in words: one view for each node, with its sentences, its pictures and its submissions.

Every text that somebody else wrote (a cloud, Numerai, a model) passes the scrubber here; templates only escape.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pnodes.dashboard import plots, spending, story
from pnodes.dashboard.deployment import DeployedNode
from pnodes.dashboard.sources import CALLS, ROUNDS, RUNS, SENT, Answer, Call, Calls, Rounds
from pnodes.dashboard.story import Entry, Outcome, Round, Sent
from pnodes.dashboard.watch import Snapshot
from pnodes.dashboard.words import duration, moment, plural
from pnodes.scrubbing import Scrubber
from providers.operations import Run, State

_TRIGGERS_SHOWN, _ROUNDS_SHOWN, _SUBMISSIONS_SHOWN = 8, 20, 20
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
    """One step of a trigger: what, when, and how it went."""

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
        """Tells it from the node's other triggers."""
        return self.entry.run.id if self.entry.run else self.entry.calls[0].line.run


@dataclass(frozen=True)
class Cell:
    """One round of a model: `on-time`, `late`, `missed`, `none` or `open`."""

    round: int
    kind: str
    tip: str


@dataclass(frozen=True)
class NodeView:
    """One node's card."""

    node: DeployedNode
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
    sent: tuple[Sent, ...]
    sent_known: bool
    cost: spending.Spent

    @property
    def console(self) -> str:
        """A link, or nothing where the stack says something else than an address."""
        return self.node.console if self.node.console.startswith("https://") else ""


def node_view(snapshot: Snapshot, name: str, now: datetime) -> NodeView:
    """A node's card as far as it is known."""
    clean, node = snapshot.scrubber, snapshot.deployment.nodes[name]
    answers = {kind: snapshot.of(kind, name) for kind in (RUNS, CALLS, SENT)}
    runs: list[Run] = answers[RUNS].value or []
    calls = (answers[CALLS].value or Calls()).calls
    known = known_rounds(snapshot, node.tournament)
    sent = story.submissions(answers[SENT].value or [], known, runs)
    entries = story.entries(calls, runs, sent, answers[SENT].at)
    shown = entries[:_TRIGGERS_SHOWN]
    drawn = plots.timeline(shown, now)
    views = [_trigger(entry, row, clean, now) for entry, row in zip(shown, drawn.rows, strict=True)]
    level, state = _state(entries, answers[RUNS], now)
    return NodeView(
        node=node,
        waiting=answers[RUNS].waiting,
        level=level,
        state=state,
        problems=tuple(dict.fromkeys(_problems(answers, clean))),
        notice=clean.scrub_foreign(_notice(story.refused(calls), entries)),
        triggers=tuple(views),
        timeline=drawn,
        durations=plots.durations(runs),
        runs=tuple(runs),
        cells=tuple(_cells(known, sent, runs, now)) if answers[SENT].at else (),
        sent=tuple(sent[:_SUBMISSIONS_SHOWN]),
        sent_known=answers[SENT].at is not None,
        cost=spending.spent(node, runs)
        if answers[RUNS].at
        else spending.Spent(None, 0, None, "its runs are not known"),
    )


def known_rounds(snapshot: Snapshot, tournament: str) -> list[Round]:
    """The rounds of a tournament, oldest first; none where Numerai could not be asked."""
    told: Rounds | None = snapshot.of(ROUNDS, tournament).value
    return story.rounds(told.known) if told else []


def _problems(answers: dict[str, Answer], clean: Scrubber) -> Iterator[str]:
    for answer in answers.values():
        if answer.problem:
            since = f" What is shown is of {moment(answer.at)}." if answer.at else ""
            yield clean.scrub_foreign(answer.problem) + since


def _state(entries: Sequence[Entry], runs: Answer, now: datetime) -> tuple[str, str]:
    if runs.waiting:
        return "none", "asking its cloud"
    if not entries:
        return ("bad", "cannot be asked") if runs.problem else ("none", "never ran")
    newest = entries[0]
    level, said = LEVELS[newest.outcome], str(newest.outcome)
    if newest.outcome is Outcome.RUNNING and newest.run and newest.run.seconds is not None:
        said = f"running for {duration(newest.run.seconds)}"
    elif newest.sent is not None and newest.sent.round is not None and level in ("good", "warn"):
        said = f"{said}, round {newest.sent.round}"
    return level, said


def _notice(refused: Sequence[Call], entries: Sequence[Entry]) -> str:
    """Calls that were turned away, told where they are newer than what went well."""
    well = max((entry.at for entry in entries if entry.run), default=datetime.min.replace(tzinfo=UTC))
    new = [call for call in refused if call.time > well]
    if not new:
        return ""
    last = new[-1]
    return (
        f"{plural(len(new), 'call was', 'calls were')} turned away since the last run, "
        f"the newest at {moment(last.time)}: {last.line.reason}."
    )


def _trigger(entry: Entry, row: plots.Row, clean: Scrubber, now: datetime) -> TriggerView:
    reasons = [call.line.reason for call in entry.calls if call.line.http >= 400][-1:]
    if entry.run is not None:
        reasons = [entry.run.reason]
    reason = clean.scrub_foreign("; ".join(reason for reason in reasons if reason))
    return TriggerView(entry, row, LEVELS[entry.outcome], tuple(_steps(entry, clean, now)), reason)


def _steps(entry: Entry, clean: Scrubber, now: datetime) -> list[Step]:
    """In the order in which they happened; what goes on now comes last."""
    found = [*_reached(entry, clean), *_ran(entry, clean, now), *_submitted(entry)]
    return sorted(found, key=lambda step: step.time or datetime.max.replace(tzinfo=UTC))


def _reached(entry: Entry, clean: Scrubber) -> Iterator[Step]:
    for call in entry.calls:
        door = "schedule" if call.line.route == "schedule" else "webhook"
        said = f": {call.line.reason}" if call.line.reason else ""
        answer = clean.scrub_foreign(f"answered {call.line.http} {call.line.status}{said}")
        yield Step(f"{door} reached, {answer}", call.time, "good" if call.line.http < 400 else "bad")
    if entry.run is None and entry.outcome is Outcome.WAITING:
        yield Step("the job is not listed by its cloud", None, "busy")


def _ran(entry: Entry, clean: Scrubber, now: datetime) -> Iterator[Step]:
    run = entry.run
    if run is None:
        return
    unseen = "" if entry.calls else " (its call is not in the trigger's log)"
    yield Step(f"job started{unseen}", run.created, "good")
    if run.started is not None:
        waited = duration((run.started - run.created).total_seconds())
        yield Step(f"container started, after {waited}", run.started, "good")
    elif not run.state.ended:
        reason = clean.scrub_foreign(f": {run.reason}" if run.reason else "")
        yield Step(f"waiting for its container{reason}", None, "busy")
    if run.state.ended:
        took = f", after {duration(run.seconds)}" if run.seconds is not None else ""
        good = run.state is State.SUCCEEDED
        said = clean.scrub_foreign(f": {run.reason}" if run.reason and not good else "")
        yield Step(f"{_ENDS[run.state]}{took}{said}", run.stopped, "good" if good else LEVELS[entry.outcome])
    elif run.started is not None:
        yield Step(f"running for {duration(max((now - run.started).total_seconds(), 0))}", None, "busy")


def _submitted(entry: Entry) -> Iterator[Step]:
    if entry.sent is not None:
        how = {True: ", on time", False: ", late", None: ""}[entry.sent.on_time]
        whose = ", with this trigger's id" if entry.sent.trigger_id else ", without a trigger id"
        level = "warn" if entry.sent.on_time is False else "good"
        yield Step(f"submitted{_for(entry.sent)}{how}{whose}", entry.sent.time, level)
    elif entry.silent:
        yield Step("Numerai shows no submission of it", None, "warn")


_ENDS = {State.SUCCEEDED: "finished", State.FAILED: "failed", State.CANCELLED: "stopped"}


def _for(sent: Sent) -> str:
    return "" if sent.round is None else f" for round {sent.round}"


def _cells(known: Sequence[Round], sent: Sequence[Sent], runs: Sequence[Run], now: datetime) -> Iterator[Cell]:
    begun = [one for one in known if one.opens is None or one.opens <= now][-_ROUNDS_SHOWN:]
    since = min((run.created for run in runs), default=None)
    for one in begun:
        mine = [each for each in sent if each.round == one.number]
        in_time = [each for each in mine if each.on_time is not False]
        if mine:
            newest = (in_time or mine)[0]
            kind = "on-time" if in_time else "late"
            tip = f"submitted {moment(newest.time)}, {'late' if kind == 'late' else 'on time'}"
        elif one.open_at(now):
            kind, tip = "open", "open, nothing submitted yet"
        elif since is not None and one.closes is not None and one.closes > since:
            kind, tip = "missed", "closed without a submission"
        else:
            kind, tip = "none", "no submission; the cloud lists no run from before"
        yield Cell(one.number, kind, f"round {one.number}\n{tip}")
