"""The runs of a node's job as the clouds list them, for the watch and for `partner`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from statistics import median
from typing import NamedTuple, Protocol

from trigger.table import Row

RUNNING, SUCCEEDED, FAILED, STOPPED = "running", "succeeded", "failed", "stopped"
# A submission may appear at Numerai after the run has ended.
SETTLE_SECONDS = 120


class JobRun(NamedTuple):
    """A run of a node's job as the cluster lists it; times are seconds since 1970."""

    job: str
    run_id: str
    """The variable RUN_ID of its start; empty if somebody else started it."""
    state: str
    """running (or waiting), succeeded, failed, or stopped by a person"""
    created: float
    ended: float | None = None
    own_fault: bool | None = None
    """Whether the container itself failed, rather than the platform. None if the cloud does not say."""
    reason: str = ""
    started: float | None = None
    """When its container started, if the cloud says so"""


class Runs(Protocol):
    """The cluster, as the watch sees it."""

    def list_runs(self, row: Row) -> list[JobRun]:
        """Return the job's recent runs, at least those of the last day. Raises StartError."""


def read_time(text: str) -> float:
    """Return the seconds since 1970 of a time in UTC as clouds write it, in whole seconds.

    Python reads neither nine digits of a second nor every spelling of UTC.
    """
    return datetime.fromisoformat(f"{text[:19]}+00:00").timestamp()


def find_usual_seconds(runs: Iterable[JobRun]) -> float | None:
    """Return how long the runs that ended well usually took; None if there was none."""
    durations = [run.ended - run.created for run in runs if run.state == SUCCEEDED and run.ended]
    return median(durations) if durations else None
