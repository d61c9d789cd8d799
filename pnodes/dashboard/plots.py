"""The geometry of the pictures: where bars, marks and ticks stand, in per cent of a width that the browser decides.

Templates draw it as inline SVG. Per cent as x lets a picture be as wide as its card while texts keep their size.
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
_LEAST_WIDTH = 0.6


@dataclass(frozen=True)
class Tick:
    """A line of an axis: its place in per cent, and what stands there."""

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
    """A moment on a bar: a `call` of the webhook, one that was `refused`, a submission `sent` or `late`."""

    kind: str
    x: float


@dataclass(frozen=True)
class Row:
    """One trigger's bar."""

    segments: tuple[Segment, ...]
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Timeline:
    """Bars that begin where their webhook was called, all on one scale."""

    rows: tuple[Row, ...]
    ticks: tuple[Tick, ...]


@dataclass(frozen=True)
class Bar:
    """A run's duration; `y` and `height` in per cent from the top."""

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
    """Runs from left (oldest) to right, their scale, and the median of those that succeeded."""

    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    middle: Tick | None
    summary: str

    @property
    def every(self) -> int:
        """Each how many-th run has its round written under it, so that the labels do not touch."""
        return max(1, math.ceil(len(self.bars) / 8))


def timeline(entries: Sequence[Entry], now: datetime) -> Timeline:
    """The timeline of these triggers."""
    longest = max(((entry.end - entry.at).total_seconds() for entry in entries), default=0.0)
    scale = max(longest, 5.0) * 1.04
    step = _step(scale, 5)
    ticks = [Tick(_share(step * number, scale), duration(step * number)) for number in range(int(scale // step) + 1)]
    return Timeline(tuple(_row(entry, scale, now) for entry in entries), tuple(ticks))


def _row(entry: Entry, scale: float, now: datetime) -> Row:
    def place(when: datetime) -> float:
        return _share((when - entry.at).total_seconds(), scale)

    run, segments = entry.run, []
    if run is not None:
        end = run.stopped or (now if not run.state.ended else run.started or run.created)
        begins, started = place(run.created), place(run.started or end)
        if started > begins:
            segments.append(Segment("wait", begins, started - begins))
        if run.started is not None:
            segments.append(Segment("run", started, max(place(end) - started, _LEAST_WIDTH)))
    elif entry.outcome is Outcome.WAITING:
        segments.append(Segment("wait", 0, max(place(now), _LEAST_WIDTH)))
    marks = [Mark("call" if call.line.http < 400 else "refused", place(call.time)) for call in entry.calls]
    if entry.sent:
        marks.append(Mark("late" if entry.sent.on_time is False else "sent", place(entry.sent.time)))
    return Row(tuple(segments), tuple(marks))


def durations(runs: Sequence[Run], most: int = 24) -> Durations | None:
    """The durations of the newest runs that started (`runs`: newest first); None where there is none."""
    shown = [run for run in runs if run.seconds is not None][:most][::-1]
    if not shown:
        return None
    seconds = [run.seconds or 0.0 for run in shown]
    scale = max(*seconds, 5.0) * 1.08
    step = _step(scale, 4)
    ticks = [
        Tick(100 - _share(step * number, scale), duration(step * number)) for number in range(int(scale // step) + 1)
    ]
    slot = 100 / max(len(shown), 8)
    bars = [
        Bar(
            x=slot * index + slot * 0.16,
            width=slot * 0.68,
            y=100 - _share(took, scale),
            height=max(_share(took, scale), 1.0),
            state=run.state.value.lower(),
            label=_round(run),
            tip=f"{run.cause}, {moment(run.created)}\n{duration(took)}, {run.state.value.lower()}",
            run_id=run.id,
        )
        for index, (run, took) in enumerate(zip(shown, seconds, strict=True))
    ]
    good = [took for run, took in zip(shown, seconds, strict=True) if run.state is State.SUCCEEDED]
    middle = Tick(100 - _share(median(good), scale), duration(median(good))) if good else None
    said = f"{len(shown)} runs, from {duration(min(seconds))} to {duration(max(seconds))}"
    return Durations(tuple(bars), tuple(ticks), middle, said + (f", median {middle.label}" if middle else ""))


def _round(run: Run) -> str:
    return run.round if run.round.isdigit() else "test" if run.round == "test" else "\N{MIDDLE DOT}"


def _step(scale: float, most: int) -> float:
    """A round number of seconds that divides a scale into so many parts at most."""
    return next((float(step) for step in _STEPS if scale / step <= most), math.ceil(scale / most / 86400) * 86400.0)


def _share(seconds: float, scale: float) -> float:
    return round(min(max(seconds / scale, 0.0), 1.0) * 100, 2)
