"""Log lines for the page, with secrets removed: followed live, or read once for a report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from pnodes.dashboard.page import Log, log_id
from pnodes.dashboard.sources import RUNS
from pnodes.dashboard.view import build_node_view
from pnodes.dashboard.watch import Snapshot
from pnodes.dashboard.words import duration, moment
from pnodes.scrubbing import Scrubber
from providers.operations import LogLine, NodeOperations, OperationsError, Run, State
from trigger.log_line import format_line

_LEVELS = {State.SUCCEEDED: "good", State.FAILED: "bad", State.CANCELLED: "bad"}
_LINES, _CALLS = 2000, 200
_REPORT_LINES = 1000
Message = dict[str, Any]


def follow(
    clean: Scrubber, cloud: NodeOperations, run: Run | None, pause: Callable[[float], None]
) -> Iterator[Message]:
    """Yield a run's log (the trigger's if `run` is None) until the run ends: lines, and messages about the run's state.

    `pause` waits between two requests and raises ReaderLeft when the reader has gone.
    """
    if run is not None and run.state.ended:
        yield {"status": _describe_end(clean, run), "level": _LEVELS[run.state]}
    elif run is not None:
        yield {"status": f"{run.state.value.lower()}, following", "level": "busy"}
    else:
        yield {"status": "following", "level": "busy"}
    lines = cloud.follow(run, _LINES, pause) if run is not None else cloud.follow_trigger(_CALLS, pause)
    printed = False
    try:
        for line in lines:
            printed = True
            yield {"at": moment(line.time), "text": _clean_line(clean, line, run is None)}
        if run is None:
            return
        ended = cloud.run(run.id)
        nothing = "" if printed else "; it printed nothing, or its lines have not arrived yet"
        yield {"status": _describe_end(clean, ended) + nothing, "level": _LEVELS.get(ended.state, "busy")}
    except OperationsError as error:
        yield {"status": clean.scrub_foreign(str(error)), "level": "bad"}
    except ReaderLeft:
        return


class ReaderLeft(Exception):
    """Nobody reads the log any more."""


def _clean_line(clean: Scrubber, line: LogLine, of_trigger: bool) -> str:
    return clean.scrub_foreign(format_line(line.text) if of_trigger else line.text)


def _describe_end(clean: Scrubber, run: Run) -> str:
    took = f" after {duration(run.seconds)}" if run.state.ended and run.seconds is not None else ""
    return clean.scrub_foreign(f"{run.state.value.lower()}{took}{': ' + run.reason if run.reason else ''}")


def read_logs(snapshot: Snapshot, name: str, limit: int) -> list[Log]:
    """Read a node's logs for a report: its newest runs' and its trigger's.

    A log that cannot be read has the reason as its status.
    """
    cloud, clean = snapshot.deployment.operations(name), snapshot.scrubber
    runs: list[Run] = (snapshot.of(RUNS, name).value or [])[:limit]
    triggers = build_node_view(snapshot, name, datetime.now(UTC)).triggers
    causes = {trigger.entry.run.id: trigger.entry.cause for trigger in triggers if trigger.entry.run}
    logs = []
    for run in runs:
        title = f"{name}, {causes.get(run.id, 'run')}, {moment(run.created)}"
        log = _read(name, run.id, title, clean, False, partial(cloud.log, run, None, _REPORT_LINES))
        logs.append(log if log.status else replace(log, status=_describe_end(clean, run)))
    calls = partial(cloud.trigger_log, None, _CALLS)
    return [*logs, _read(name, "trigger", f"{name}, webhook", clean, True, calls)]


def _read(
    name: str, run: str, title: str, clean: Scrubber, of_trigger: bool, fetch: Callable[[], list[LogLine]]
) -> Log:
    """Fetch a log; its status is empty, or the reason why it could not be read."""
    lines: list[tuple[str, str]] = []
    status = ""
    try:
        lines = [(moment(line.time), _clean_line(clean, line, of_trigger)) for line in fetch()]
    except OperationsError as error:
        status = clean.scrub_foreign(str(error))
    return Log(log_id(name, run), name, title, lines, status)
