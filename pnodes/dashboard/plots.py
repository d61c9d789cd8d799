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
from providers.operations import Run, State

_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 43200, 86400)
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
    def label_every(self) -> int:
        """The interval, in bars, at which rounds are labelled, so that the labels do not overlap."""
        return max(1, math.ceil(len(self.bars) / 8))


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


def lay_out_durations(runs: Sequence[Run], limit: int = 24) -> Durations | None:
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
            x=slot * index + slot * 0.16,
            width=slot * 0.68,
            y=100 - _percent(took, scale),
            height=max(_percent(took, scale), 1.0),
            state=run.state.value.lower(),
            label=_label_run(run),
            tip=f"{run.cause}, {moment(run.created)}\n{duration(took)}, {run.state.value.lower()}",
            run_id=run.id,
        )
        for index, (run, took) in enumerate(zip(shown, seconds, strict=True))
    ]
    good = [took for run, took in zip(shown, seconds, strict=True) if run.state is State.SUCCEEDED]
    middle = Tick(100 - _percent(median(good), scale), duration(median(good))) if good else None
    summary = f"{len(shown)} runs, from {duration(min(seconds))} to {duration(max(seconds))}"
    return Durations(tuple(bars), tuple(ticks), middle, summary + (f", median {middle.label}" if middle else ""))


def _label_run(run: Run) -> str:
    return run.round if run.round.isdigit() else "test" if run.round == "test" else "\N{MIDDLE DOT}"


def _choose_step(scale: float, limit: int) -> float:
    """Return a round number of seconds that divides the scale into at limit `limit` parts."""
    return next((float(step) for step in _STEPS if scale / step <= limit), math.ceil(scale / limit / 86400) * 86400.0)


def _percent(seconds: float, scale: float) -> float:
    return round(min(max(seconds / scale, 0.0), 1.0) * 100, 2)
