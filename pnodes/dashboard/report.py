"""The page as one file: everything asked once, the logs of the last runs in it, nothing loaded from anywhere."""

from __future__ import annotations

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pnodes.dashboard.deployment import Deployment
from pnodes.dashboard.log_text import kept
from pnodes.dashboard.page import Log, page, parts
from pnodes.dashboard.watch import Snapshot, look_once
from pnodes.scrubbing import Scrubber
from providers.operations import OperationsError

_AT_ONCE = 8


def report(deployment: Deployment, runs: int) -> tuple[str, list[str]]:
    """The document with the logs of so many runs of each node, and what could not be asked as sentences."""
    snapshot = look_once(deployment)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        logs = [log for found in pool.map(lambda name: _logs(snapshot, name, runs), deployment.nodes) for log in found]
    made = parts(snapshot, {log.id: log for log in logs})
    return page(snapshot, made, logs), problems(snapshot)


def _logs(snapshot: Snapshot, name: str, runs: int) -> list[Log]:
    try:
        return kept(snapshot, name, runs)
    except OperationsError:
        return []  # the node's card says why its cloud could not be asked


def problems(snapshot: Snapshot) -> list[str]:
    """A sentence for each question that failed, with what it was about; once where several failed alike."""
    clean: Scrubber = snapshot.scrubber
    told: dict[str, list[str]] = {}
    for key, answer in snapshot.answers.items():
        if answer.problem:
            told.setdefault(clean.scrub_foreign(answer.problem), []).append(key.split("/", 1)[1])
    return [f"{', '.join(dict.fromkeys(names))}: {sentence}" for sentence, names in told.items()]


def write(path: Path, document: str) -> None:
    """Write a file as a whole or not at all. Raises OSError."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(document)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
