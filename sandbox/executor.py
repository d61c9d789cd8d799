"""Queues jobs, starts them through a runner, watches them until they end, and keeps their records and logs.

A runner starts a job from its image: as processes (`sandbox.processes`) or in a container (`containers.runner`). The
executor does everything that is the same for both: timeouts, cancellation, memory limits and the reason of a failure.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol

from sandbox import reasons
from sandbox.store import Store

_PARALLEL = 4
_POLL_SECONDS = 0.1
ENDED = frozenset({"SUCCEEDED", "FAILED"})


@dataclass
class RunSpec:
    """A run to start: image by digest, the container's environment with secrets resolved, limits in MiB and seconds."""

    cloud: str
    job: str
    run_id: str
    image: str
    env: dict[str, str]
    cpu: float
    memory_mib: int
    timeout_seconds: int
    command: list[str] | None = None
    args: list[str] | None = None
    refusal: str = ""
    """If set, the cluster fails the attempt for this reason before its container starts."""
    repeat: Callable[[JobRun, str], RunSpec | None] | None = None
    """Returns the next attempt of a run that failed for a reason, or None."""


@dataclass
class JobRun:
    """The record of one run. Of its environment only the names are recorded, never the values."""

    cloud: str
    job: str
    run_id: str
    image: str
    trigger_id: str
    cpu: float
    memory_mib: int
    timeout_seconds: int
    log_path: str
    created: float
    env_names: list[str] = field(default_factory=list)
    state: str = "PENDING"
    reason: str = ""
    exit_code: int | None = None
    started: float | None = None
    stopped: float | None = None
    peak_memory_mib: int = 0
    attempts: list[dict[str, Any]] = field(default_factory=list)
    """The earlier attempts, all failed: their `reason`, `exit_code`, `started` and `stopped`."""


class CannotStartError(Exception):
    """A job cannot be started: (reasons.NO_IMAGE or NO_START, the detail)."""


class Job(Protocol):
    """A started job."""

    def wait(self, seconds: float) -> int | None:
        """Wait for the job and return its exit code; None if it is still running after that many seconds."""

    def memory_mib(self) -> int:
        """Return the memory that all of the job's processes use now."""

    def failure_reason(self) -> str:
        """Return why the job failed if more than its exit code is known, otherwise an empty string."""

    def kill(self) -> None:
        """Kill all of the job's processes and wait until they have ended."""

    def remove(self) -> None:
        """Remove the job's processes and files, whether it has ended or not."""


class Runner(Protocol):
    """Starts jobs on this machine."""

    def start(self, spec: RunSpec, log: IO[bytes]) -> Job:
        """Start a job that writes to `log`. Raises CannotStartError."""


class Executor:
    """Runs jobs, a few at a time, and keeps their records."""

    def __init__(self, home: Path, store: Store, runner: Runner) -> None:
        self._home, self._store, self._runner = home / "runs", store, runner
        self._pool = ThreadPoolExecutor(_PARALLEL, thread_name_prefix="job")
        self._changed = threading.Condition()
        self._cancelled: dict[str, str] = {}
        self._home.mkdir(parents=True, exist_ok=True)
        for run in self.runs():
            if run.state not in ENDED:
                self._end(run, "FAILED", "the sandbox was stopped while this job was running")

    def submit(self, spec: RunSpec) -> JobRun:
        """Queue a run and return its record at once."""
        run = JobRun(
            spec.cloud,
            spec.job,
            spec.run_id,
            spec.image,
            spec.env.get("TRIGGER_ID", ""),
            spec.cpu,
            spec.memory_mib,
            spec.timeout_seconds,
            str(self._home / f"{spec.run_id}.log"),
            time.time(),
            sorted(spec.env),
        )
        self._save(run)
        self._pool.submit(self._run, spec, run)
        return run

    def cancel(self, run_id: str, reason: str) -> None:
        """Stop a run, or prevent it from starting."""
        with self._changed:
            self._cancelled[run_id] = reason

    def get(self, run_id: str) -> JobRun | None:
        """Return a run by its id, or None."""
        doc = self._store.get("runs", run_id)
        return JobRun(**doc) if doc else None

    def runs(self, cloud: str | None = None, job: str | None = None) -> list[JobRun]:
        """Return the runs of a cloud and a job, or of all, oldest first."""
        runs = [JobRun(**doc) for doc in self._store.all("runs").values()]
        runs = [run for run in runs if cloud in (None, run.cloud) and job in (None, run.job)]
        return sorted(runs, key=lambda run: run.created)

    def wait(self, run_id: str, timeout: float) -> JobRun:
        """Wait until a run has ended, and return it. Raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: (r := self.get(run_id)) is not None and r.state in ENDED, timeout):
                raise TimeoutError(f"run {run_id} has not ended after {timeout:g} s")
        run = self.get(run_id)
        assert run is not None
        return run

    def logs(self, run_id: str) -> str:
        """Return a run's output so far."""
        run = self.get(run_id)
        path = Path(run.log_path) if run else None
        return path.read_text(errors="replace") if path and path.exists() else ""

    def stop(self) -> None:
        """Stop all runs."""
        for run in self.runs():
            if run.state not in ENDED:
                self.cancel(run.run_id, "the sandbox was stopped while this job was running")
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _save(self, run: JobRun) -> None:
        with self._changed:
            self._store.put("runs", run.run_id, asdict(run))
            self._changed.notify_all()

    def _end(self, run: JobRun, state: str, reason: str) -> None:
        run.state, run.reason, run.stopped = state, reason, time.time()
        self._save(run)

    def _run(self, spec: RunSpec, run: JobRun) -> None:
        attempt: RunSpec | None = spec
        while attempt:
            reason = self._attempt(attempt, run)
            repeat = attempt.repeat if reason and spec.run_id not in self._cancelled else None
            attempt = repeat(run, reason) if repeat else None
            if attempt:
                ended = {"reason": reason, "exit_code": run.exit_code, "started": run.started, "stopped": time.time()}
                run.attempts.append(ended)
                run.state, run.exit_code, run.started = "PENDING", None, None
                self._save(run)
        self._end(run, "FAILED" if reason else "SUCCEEDED", reason)

    def _attempt(self, spec: RunSpec, run: JobRun) -> str:
        """Run one attempt to its end; return the reason of a failure, or an empty string."""
        try:
            if spec.run_id in self._cancelled:
                return self._cancelled[spec.run_id]
            run.state = "STARTING"
            self._save(run)
            if spec.refusal:
                return spec.refusal
            with Path(run.log_path).open("ab") as log:
                job = self._runner.start(spec, log)
                try:
                    return self._watch(job, spec, run)
                finally:
                    job.remove()  # before the record shows the end
        except CannotStartError as error:
            return reasons.describe_no_start(spec, *error.args)
        except Exception as error:  # noqa: BLE001 - otherwise callers would wait for this run for ever
            return f"the sandbox could not run the job: {error!r}"

    def _watch(self, job: Job, spec: RunSpec, run: JobRun) -> str:
        """Wait until the job ends, or kill it at a limit; return the reason of a failure, or an empty string."""
        run.state, run.started = "RUNNING", time.time()
        self._save(run)
        reason = ""
        while not reason:
            run.exit_code = job.wait(_POLL_SECONDS)
            if run.exit_code is not None:
                failed = run.exit_code and (job.failure_reason() or reasons.describe_exit(spec, run.exit_code))
                return failed or ""
            reason = self._check_limits(job, spec, run)
        job.kill()
        run.exit_code = job.wait(0)
        return reason

    def _check_limits(self, job: Job, spec: RunSpec, run: JobRun) -> str:
        """Return why the job has to be killed, or an empty string."""
        used = job.memory_mib()
        run.peak_memory_mib = max(run.peak_memory_mib, used)
        if spec.run_id in self._cancelled:
            return self._cancelled[spec.run_id]
        if used > spec.memory_mib:
            return reasons.describe_out_of_memory(used, spec)
        if run.started and time.time() - run.started > spec.timeout_seconds:
            return reasons.describe_timeout(spec)
        return ""
