"""Prepare what the templates show: one view for each node, with its texts, charts and submissions.

Foreign text (from a cloud, Numerai or a model) is scrubbed of secrets here; the templates only escape it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from pnodes.dashboard import plots, story
from pnodes.dashboard.rounds import Round
from pnodes.dashboard.sources import ALL, CALLS, HISTORY, ROUNDS, RUNS, SCORES, SENT, Answer, Calls
from pnodes.dashboard.state import NodeState, describe_state
from pnodes.dashboard.story import Entry, Submission
from pnodes.dashboard.triggers import LEVELS, TriggerView, build_trigger, describe_refusals
from pnodes.dashboard.watch import Snapshot
from pnodes.dashboard.words import moment
from pnodes.deployed.history import (
    EndedRun,
    RoundRecord,
    SentAlert,
    describe_availability,
    describe_result,
    merge_rounds,
)
from pnodes.deployed.scores import Scores
from pnodes.plan import spending
from pnodes.plan.earnings import Earnings, join_rounds
from pnodes.scrubbing import Scrubber
from providers.operations import Run, State

_TRIGGERS_SHOWN, _CELLS_SHOWN = 6, 20
_RECORDED = timedelta(days=90)


@dataclass(frozen=True)
class Cell:
    """One round of a model; `kind` is `on-time`, `late`, `missed`, `none` or `open`."""

    round: int
    kind: str
    tip: str


class NodeView:
    """One node: its row in the table and, computed only if they are shown, its details."""

    def __init__(self, snapshot: Snapshot, name: str, now: datetime) -> None:
        self.node = snapshot.deployment.nodes[name]
        self._snapshot, self._now, self._clean = snapshot, now, snapshot.scrubber
        self._answers = {kind: snapshot.of(kind, name) for kind in (HISTORY, SENT, RUNS, CALLS)}
        self.scores, self._unscored = find_scores(snapshot, name)

    # The row.

    @cached_property
    def history(self) -> list[RoundRecord]:
        """The recorded rounds of the node and its rescue, newest first."""
        rescue = self.node.rescue
        theirs = self._snapshot.of(HISTORY, rescue.name).value if rescue else []
        return merge_rounds(self._answers[HISTORY].value, theirs or [])

    @cached_property
    def submissions(self) -> list[Submission]:
        """The submissions of the node's model, newest first."""
        rounds = list_rounds(self._snapshot, self.node.tournament)
        return story.parse_submissions(self._answers[SENT].value or [], rounds, self.runs)

    @property
    def submissions_known(self) -> bool:
        """Whether Numerai has answered."""
        return self._answers[SENT].at is not None

    @property
    def waiting(self) -> bool:
        """Whether nothing is known yet."""
        return self._answers[HISTORY].waiting

    @cached_property
    def state(self) -> NodeState:
        """What became of the newest round."""
        newest = self.entries[0] if self.entries and LEVELS[self.entries[0].outcome] == "busy" else None
        unreachable = bool(self._answers[HISTORY].problem)
        state = describe_state(self.node, self.history, self.submissions, newest, self.waiting, unreachable, self._now)
        return state.scrub(self._clean)

    @cached_property
    def problems(self) -> tuple[str, ...]:
        """What could not be queried."""
        unscored = map(self._clean.scrub_foreign, self._unscored)
        return tuple(dict.fromkeys([*_list_problems(self._answers, self._clean), *unscored]))

    @cached_property
    def earnings(self) -> list[Earnings]:
        """The rounds of the last 90 days with their scores, newest first."""
        since = self._now - _RECORDED
        joined = join_rounds(self.node, self.scores, self.history)
        return [round_ for round_ in joined if (when := _find_time(round_)) is None or when >= since]

    @property
    def earned(self) -> float | None:
        """What the last 90 days earned in USD, pending payouts included; None if that is not known."""
        known = [round_.earned for round_ in self.earnings if round_.earned is not None]
        return sum(known) if known else None

    @cached_property
    def cost(self) -> spending.Spent:
        """What the known runs have cost."""
        if self._answers[HISTORY].at or self._answers[RUNS].at:
            return spending.estimate_spending(self.node, self.runs)
        return spending.Spent(None, 0, None, "the runs are not known")

    @property
    def alerts(self) -> list[SentAlert]:
        """The alerts of the recorded rounds, newest first."""
        return sorted((alert for round_ in self.history for alert in round_.alerts), key=_read_time, reverse=True)

    # The details.

    @cached_property
    def runs(self) -> list[Run]:
        """The runs that the cloud lists or the trigger has recorded, newest first."""
        listed: list[Run] = self._answers[RUNS].value or []
        ids = {run.trigger_id for run in listed} | {run.id for run in listed}
        recorded = [_convert(run, round_.number) for round_ in self.history for run in round_.runs if run.id not in ids]
        return sorted([*listed, *recorded], key=lambda run: run.created, reverse=True)

    @property
    def listed(self) -> list[Run]:
        """The runs whose logs the cloud may still have."""
        return self._answers[RUNS].value or []

    @cached_property
    def entries(self) -> list[Entry]:
        """The triggers that the cloud knows, newest first; none before it has listed the runs, which calls lead to."""
        if self.loading:
            return []
        calls = (self._answers[CALLS].value or Calls()).calls
        return story.list_entries(calls, self.listed, self.submissions, self._answers[SENT].at)

    @cached_property
    def timeline(self) -> plots.Timeline:
        """The bars of the newest triggers."""
        return plots.lay_out_timeline(self.entries[:_TRIGGERS_SHOWN], self._now)

    @cached_property
    def triggers(self) -> list[TriggerView]:
        """The newest triggers."""
        pairs = zip(self.entries[:_TRIGGERS_SHOWN], self.timeline.rows, strict=True)
        return [build_trigger(entry, row, self._clean, self._now) for entry, row in pairs]

    @property
    def loading(self) -> bool:
        """Whether the cloud has not answered yet what it runs."""
        return self._answers[RUNS].waiting

    @property
    def notice(self) -> str:
        """The refused calls; empty if there are none."""
        calls = (self._answers[CALLS].value or Calls()).calls
        return self._clean.scrub_foreign(describe_refusals(self.node, story.list_refused(calls), self.entries))

    @property
    def durations(self) -> plots.Durations | None:
        """The chart of the runs' durations."""
        return plots.lay_out_durations(self.runs)

    @property
    def curves(self) -> plots.Curves | None:
        """The chart of the scores."""
        return plots.lay_out_scores([round_ for round_ in reversed(self.earnings) if round_.scores])

    @property
    def cells(self) -> list[Cell]:
        """One square for each of the last rounds."""
        rounds = list_rounds(self._snapshot, self.node.tournament)
        return [*_list_cells(rounds, self.submissions, self.runs, self._now)] if self.submissions_known else []

    @property
    def availability(self) -> str:
        """How many rounds were in time."""
        return describe_availability(self.history)

    def describe_result(self, round_: RoundRecord) -> str:
        """Return what became of a round."""
        return self._clean.scrub_foreign(describe_result(round_))

    @property
    def channels(self) -> list[str]:
        """Where the node's alerts go."""
        alerts = (self.node.settings or {}).get("alerts") or {}
        return [channel for channel in ("webhook", "email") if alerts.get(channel)]

    @property
    def console(self) -> str:
        """The console's address; empty if the stack's value is not an HTTPS address."""
        return self.node.console if self.node.console.startswith("https://") else ""


def build_node_view(snapshot: Snapshot, name: str, now: datetime) -> NodeView:
    """Build a node's view from the answers so far."""
    return NodeView(snapshot, name, now)


def _find_time(round_: Earnings) -> datetime | None:
    return round_.record.at if round_.record else round_.scores.opened if round_.scores else None


def _read_time(alert: SentAlert) -> datetime:
    return alert.at


def _convert(run: EndedRun, number: int) -> Run:
    state = {"succeeded": State.SUCCEEDED, "failed": State.FAILED}.get(run.state, State.CANCELLED)
    stopped = run.created + timedelta(seconds=run.seconds) if run.seconds is not None else None
    return Run(run.id, state, run.created, run.reason, stopped and run.created, stopped, run.id, str(number))


def find_scores(snapshot: Snapshot, name: str) -> tuple[Scores | None, list[str]]:
    """Return what Numerai says about a node's model, and the problems of asking it."""
    answers: dict[str, tuple[Scores | None, list[str]]] = snapshot.of(SCORES, ALL).value or {}
    return answers.get(name, (None, []))


def list_rounds(snapshot: Snapshot, tournament: str) -> list[Round]:
    """Return the rounds of a tournament, oldest first; empty if Numerai has not answered."""
    rounds: list[Round] = snapshot.of(ROUNDS, tournament).value or []
    return rounds


def _list_problems(answers: dict[str, Answer], clean: Scrubber) -> Iterator[str]:
    for answer in answers.values():
        if answer.problem:
            since = f" The data shown is from {moment(answer.at)}." if answer.at else ""
            yield clean.scrub_foreign(answer.problem) + since


def _list_cells(
    rounds: Sequence[Round], submissions: Sequence[Submission], runs: Sequence[Run], now: datetime
) -> Iterator[Cell]:
    opened = [round_ for round_ in rounds if round_.opens is None or round_.opens <= now][-_CELLS_SHOWN:]
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
