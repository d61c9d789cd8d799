"""Logs for the page: a run's or a trigger's lines, scrubbed, as they come or as they stand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from pnodes.dashboard.page import Log, log_id
from pnodes.dashboard.sources import RUNS
from pnodes.dashboard.view import node_view
from pnodes.dashboard.watch import Snapshot
from pnodes.dashboard.words import duration, moment
from pnodes.scrubbing import Scrubber
from providers.operations import LogLine, NodeOperations, OperationsError, Run, State
from trigger.log_line import shown

_LEVELS = {State.SUCCEEDED: "good", State.FAILED: "bad", State.CANCELLED: "bad"}
_LINES, _CALLS = 2000, 200
_KEPT_LINES = 1000
Message = dict[str, Any]


def follow(
    clean: Scrubber, cloud: NodeOperations, run: Run | None, pause: Callable[[float], None]
) -> Iterator[Message]:
    """A run's log (the trigger's for None) until the run has ended: lines, and between them what is to be said.

    `pause` waits between two looks and raises Ended when nobody reads on.
    """
    if run is not None and run.state.ended:
        yield {"said": _ended(clean, run), "level": _LEVELS[run.state]}
    elif run is not None:
        yield {"said": f"{run.state.value.lower()}, following", "level": "busy"}
    else:
        yield {"said": "following", "level": "busy"}
    lines = cloud.follow(run, _LINES, pause) if run is not None else cloud.follow_trigger(_CALLS, pause)
    some = False
    try:
        for line in lines:
            some = True
            yield {"at": moment(line.time), "text": text(clean, line, run is None)}
        if run is None:
            return
        last = cloud.run(run.id)
        nothing = "" if some else "; it printed nothing, or its lines are on their way"
        yield {"said": _ended(clean, last) + nothing, "level": _LEVELS.get(last.state, "busy")}
    except OperationsError as error:
        yield {"said": clean.scrub_foreign(str(error)), "level": "bad"}
    except Ended:
        return


class Ended(Exception):
    """Nobody reads on."""


def text(clean: Scrubber, line: LogLine, of_trigger: bool) -> str:
    """A line as the page shows it."""
    return clean.scrub_foreign(shown(line.text) if of_trigger else line.text)


def _ended(clean: Scrubber, run: Run) -> str:
    took = f" after {duration(run.seconds)}" if run.state.ended and run.seconds is not None else ""
    return clean.scrub_foreign(f"{run.state.value.lower()}{took}{': ' + run.reason if run.reason else ''}")


def kept(snapshot: Snapshot, name: str, most: int) -> list[Log]:
    """What a report keeps of a node: the logs of its last runs and its trigger's; one that cannot be read says so."""
    cloud, clean = snapshot.deployment.operations(name), snapshot.scrubber
    runs: list[Run] = (snapshot.of(RUNS, name).value or [])[:most]
    shown_now = node_view(snapshot, name, datetime.now(UTC)).triggers
    causes = {one.entry.run.id: one.entry.cause for one in shown_now if one.entry.run}
    found = []
    for run in runs:
        title = f"{name}, {causes.get(run.id, 'run')}, {moment(run.created)}"
        log = _read(log_id(name, run.id), title, clean, False, partial(cloud.log, run, None, _KEPT_LINES))
        found.append(log if log.said else replace(log, said=_ended(clean, run)))
    calls = partial(cloud.trigger_log, None, _CALLS)
    return [*found, _read(log_id(name, "trigger"), f"{name}, webhook", clean, True, calls)]


def _read(id_: str, title: str, clean: Scrubber, of_trigger: bool, ask: Callable[[], list[LogLine]]) -> Log:
    """A log; `said` is why it could not be read."""
    try:
        return Log(id_, title, [(moment(line.time), text(clean, line, of_trigger)) for line in ask()], "")
    except OperationsError as error:
        return Log(id_, title, (), clean.scrub_foreign(str(error)))
