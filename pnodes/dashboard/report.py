"""Write the page to one self-contained file: every query is made once, and the logs of the newest runs are included."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from pnodes.dashboard.deployment import Deployment
from pnodes.dashboard.log_text import read_logs
from pnodes.dashboard.page import Log, render_page, render_parts
from pnodes.dashboard.view import find_scores
from pnodes.dashboard.watch import Snapshot, query_once
from pnodes.scrubbing import Scrubber
from providers.operations import OperationsError

_AT_ONCE = 8


def build_report(deployment: Deployment, runs: int) -> tuple[str, list[str]]:
    """Return the document with the logs of up to `runs` runs per node, and the problems of failed queries."""
    snapshot = query_once(deployment)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        per_node = pool.map(lambda name: _read_logs(snapshot, name, runs), deployment.nodes)
        logs = [log for node_logs in per_node for log in node_logs]
    parts = render_parts(snapshot, {log.id: log for log in logs})
    return render_page(snapshot, parts, live=False), _list_problems(snapshot)


def _read_logs(snapshot: Snapshot, name: str, runs: int) -> list[Log]:
    try:
        return read_logs(snapshot, name, runs)
    except OperationsError:
        return []  # the node's card gives the reason


def _list_problems(snapshot: Snapshot) -> list[str]:
    """Return one sentence for each distinct problem, with the names of the nodes or tournaments that have it."""
    clean: Scrubber = snapshot.scrubber
    problems: dict[str, list[str]] = {}
    for key, answer in snapshot.answers.items():
        if answer.problem:
            problems.setdefault(clean.scrub_foreign(answer.problem), []).append(key.split("/", 1)[1])
    for name in snapshot.deployment.nodes:
        for problem in find_scores(snapshot, name)[1]:
            problems.setdefault(clean.scrub_foreign(problem), []).append(name)
    return [f"{', '.join(dict.fromkeys(names))}: {problem}" for problem, names in problems.items()]
