"""The geometry of the charts: positions of bars, marks and ticks in per cent.

The templates draw them as inline SVG. With percentages a chart fills its card while its text keeps its size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from pnodes.dashboard.story import Entry, Outcome
from pnodes.dashboard.words import duration, moment
from pnodes.plan.earnings import Earnings
from pnodes.wording import describe_scores
from providers.numerai.scores import RoundScores
from providers.operations import Run, State

_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 43200, 86400)
_SCORE_STEPS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
_MINIMUM_WIDTH = 0.6


@dataclass(frozen=True)
class Tick:
    """A grid line of an axis: its position in per cent, and its label."""

    at: float
    label: str


@dataclass(frozen=True)
class Segment:
    """A part of a bar: `wait` until the container started, then `run`."""

    kind: str
    x: float
    width: float


@dataclass(frozen=True)
class Mark:
    """An event on a bar: a webhook `call`, a `refused` call, or a submission, `sent` in time or `late`."""

    kind: str
    x: float


@dataclass(frozen=True)
class Row:
    """One trigger's bar."""

    segments: tuple[Segment, ...]
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Timeline:
    """One bar for each trigger, all on one scale that begins at the webhook's call."""

    rows: tuple[Row, ...]
    ticks: tuple[Tick, ...]


@dataclass(frozen=True)
class Bar:
    """A run's duration as a bar; all sizes are in per cent, and `y` is counted from the top."""

    x: float
    width: float
    y: float
    height: float
    state: str
    label: str
    tip: str
    run_id: str


@dataclass(frozen=True)
class Durations:
    """The bars of the runs, oldest first, their scale, and the median of the successful runs."""

    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    middle: Tick | None
    summary: str

    @property
    def labelled(self) -> tuple[Bar, ...]:
        """The bars that have a label, so few that the labels do not overlap."""
        return self.bars[:: -max(1, math.ceil(len(self.bars) / 8))]

    @property
    def paths(self) -> dict[str, str]:
        """The bars as SVG paths, by their state; a path for each bar would be most of a report."""
        paths: dict[str, str] = {}
        for bar in self.bars:
            path = f"M{bar.x:g} 100V{bar.y:.1f}h{bar.width:g}V100z"
            paths[bar.state] = paths.get(bar.state, "") + path
        return paths

    @property
    def slot(self) -> float:
        """The width of a bar with its margin."""
        return 100 / max(len(self.bars), 8)

    @property
    def tips(self) -> str:
        """The bars' tips, as the script reads them."""
        return "|".join(bar.tip for bar in self.bars)


@dataclass(frozen=True)
class Line:
    """One score over the rounds, as the points of an SVG polyline."""

    label: str
    points: str


@dataclass(frozen=True)
class Curves:
    """The scores over the rounds, oldest first; rounds from `resolving` on are not final."""

    lines: tuple[Line, ...]
    slot: float
    """The width of a round."""
    tips: str
    """The rounds' tips, as the script reads them."""
    ticks: tuple[Tick, ...]
    rounds: tuple[Tick, ...]
    resolving: float
    summary: str


def lay_out_timeline(entries: Sequence[Entry], now: datetime) -> Timeline:
    """Lay out the timeline of these triggers."""
    longest = max(((entry.end - entry.at).total_seconds() for entry in entries), default=0.0)
    scale = max(longest, 5.0) * 1.04
    step = _choose_step(scale, 5)
    ticks = [Tick(_percent(step * number, scale), duration(step * number)) for number in range(int(scale // step) + 1)]
    return Timeline(tuple(_lay_out_row(entry, scale, now) for entry in entries), tuple(ticks))


def _lay_out_row(entry: Entry, scale: float, now: datetime) -> Row:
    def position(when: datetime) -> float:
        return _percent((when - entry.at).total_seconds(), scale)

    run, segments = entry.run, []
    if run is not None:
        end = run.stopped or (now if not run.state.ended else run.started or run.created)
        begins, started = position(run.created), position(run.started or end)
        if started > begins:
            segments.append(Segment("wait", begins, started - begins))
        if run.started is not None:
            segments.append(Segment("run", started, max(position(end) - started, _MINIMUM_WIDTH)))
    elif entry.outcome is Outcome.WAITING:
        segments.append(Segment("wait", 0, max(position(now), _MINIMUM_WIDTH)))
    marks = [Mark("call" if call.line.http < 400 else "refused", position(call.time)) for call in entry.calls]
    if entry.submission:
        marks.append(Mark("late" if entry.submission.on_time is False else "sent", position(entry.submission.time)))
    return Row(tuple(segments), tuple(marks))


def lay_out_durations(runs: Sequence[Run], limit: int = 64) -> Durations | None:
    """Lay out the durations of the newest runs that started (`runs`: newest first); None if no run has started."""
    shown = [run for run in runs if run.seconds is not None][:limit][::-1]
    if not shown:
        return None
    seconds = [run.seconds or 0.0 for run in shown]
    scale = max(*seconds, 5.0) * 1.08
    step = _choose_step(scale, 4)
    ticks = [
        Tick(100 - _percent(step * number, scale), duration(step * number)) for number in range(int(scale // step) + 1)
    ]
    slot = 100 / max(len(shown), 8)
    bars = [
        Bar(
            x=round(slot * (index + 0.16), 2),
            width=round(slot * 0.68, 2),
            y=round(100 - _percent(took, scale), 2),
            height=max(_percent(took, scale), 1.0),
            state=run.state.value.lower(),
            label=_label_run(run),
            tip=f"{run.cause}, {moment(run.created)}\n{duration(took)}{_describe_end(run)}",
            run_id=run.id,
        )
        for index, (run, took) in enumerate(zip(shown, seconds, strict=True))
    ]
    good = [took for run, took in zip(shown, seconds, strict=True) if run.state is State.SUCCEEDED]
    middle = Tick(100 - _percent(median(good), scale), duration(median(good))) if good else None
    summary = f"{len(shown)} runs, from {duration(min(seconds))} to {duration(max(seconds))}"
    return Durations(tuple(bars), tuple(ticks), middle, summary + (f", median {middle.label}" if middle else ""))


def lay_out_scores(rounds: Sequence[Earnings], limit: int = 64) -> Curves | None:
    """Lay out the scores of the newest rounds (`rounds`: oldest first); None if fewer than two have any."""
    shown = [round_.scores for round_ in rounds if round_.scores and round_.scores.values][-limit:]
    if len(shown) < 2:
        return None
    labels = list(shown[-1].values)
    largest = max(abs(value) for scores in shown for value in scores.values.values()) * 1.1 or 0.01
    step = next((step for step in _SCORE_STEPS if largest / step <= 2), largest)
    slot = 100 / len(shown)
    ticks = [number * step for number in range(-int(largest // step), int(largest // step) + 1)]
    resolving = sum(scores.resolved for scores in shown)
    summary = f"{len(shown)} rounds, {shown[0].number} to {shown[-1].number}"
    return Curves(
        lines=tuple(Line(label, _join_points(shown, label, largest)) for label in labels),
        slot=round(slot, 4),
        tips="|".join(map(_describe_round, shown)),
        ticks=tuple(Tick(_place(value, largest), f"{value:.3g}") for value in ticks),
        rounds=tuple(
            Tick(round(slot * (index + 0.5), 2), str(shown[index].number))
            for index in range(len(shown) - 1, -1, -max(1, math.ceil(len(shown) / 8)))
        ),
        resolving=round(slot * resolving, 2),
        summary=summary,
    )


def _join_points(shown: Sequence[RoundScores], label: str, largest: float) -> str:
    slot = 100 / len(shown)
    known = [(index, scores.values[label]) for index, scores in enumerate(shown) if label in scores.values]
    return " ".join(f"{slot * (index + 0.5):.2f},{_place(value, largest):.1f}" for index, value in known)


def _place(value: float, largest: float) -> float:
    return round(50 - 50 * value / largest, 1)


def _describe_round(scores: RoundScores) -> str:
    return f"round {scores.number}{'' if scores.resolved else ', resolving'}\n{describe_scores(scores.values)}"


def _describe_end(run: Run) -> str:
    return "" if run.state is State.SUCCEEDED else f", {run.state.value.lower()}"


def _label_run(run: Run) -> str:
    return run.round if run.round.isdigit() else "test" if run.round == "test" else "\N{MIDDLE DOT}"


def _choose_step(scale: float, limit: int) -> float:
    """Return a round number of seconds that divides the scale into at limit `limit` parts."""
    return next((float(step) for step in _STEPS if scale / step <= limit), math.ceil(scale / limit / 86400) * 86400.0)


def _percent(seconds: float, scale: float) -> float:
    return round(min(max(seconds / scale, 0.0), 1.0) * 100, 2)
