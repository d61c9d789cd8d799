"""Jobs and what is known of them: queued, started by a runner, watched, ended; their records and logs stay.

A runner starts a job from its image: as processes (`sandbox.processes`), or in a container (`containers.runner`). What
is the same for both is here: time-outs, cancelling, memory over the limit, the words for how a job ended.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Protocol

from sandbox.store import Store

_PARALLEL = 4
_LOOK_SECONDS = 0.1
ENDED = frozenset({"SUCCEEDED", "FAILED"})


@dataclass
class RunSpec:
    """What to run: image by digest, the container's environment (secrets resolved), limits in MiB and seconds."""

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


@dataclass
class JobRun:
    """One run and how far it came; `env` holds names only, values are not written down."""

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


class CannotStartError(Exception):
    """A job cannot be started; the sentence begins with the kind of failure, as a cluster names it."""


class Job(Protocol):
    """A job that was started."""

    def wait(self, seconds: float) -> int | None:
        """The exit code once it has ended; None when it still runs after that many seconds."""

    def memory_mib(self) -> int:
        """What all of its processes use now."""

    def verdict(self) -> str:
        """Why it ended, where more is known than its exit code tells."""

    def kill(self) -> None:
        """End it now, all of it, and wait until it has."""

    def remove(self) -> None:
        """Take away what it leaves behind, whether it ended or not."""


class Runner(Protocol):
    """How jobs are started on this machine."""

    def start(self, spec: RunSpec, log: IO[bytes]) -> Job:
        """Start a job that writes to `log`. Raises CannotStartError."""


class Executor:
    """Runs jobs, a few at a time, and remembers them."""

    def __init__(self, home: Path, store: Store, runner: Runner) -> None:
        self._home, self._store, self._runner = home / "runs", store, runner
        self._pool = ThreadPoolExecutor(_PARALLEL, thread_name_prefix="job")
        self._changed = threading.Condition()
        self._cancelled: dict[str, str] = {}
        self._home.mkdir(parents=True, exist_ok=True)
        for run in self.runs():
            if run.state not in ENDED:
                self._end(run, "FAILED", "the sandbox was stopped while this job ran")

    def submit(self, spec: RunSpec) -> JobRun:
        """Queue a run; returns at once."""
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
        """Stop a run, or keep it from starting."""
        with self._changed:
            self._cancelled[run_id] = reason

    def get(self, run_id: str) -> JobRun | None:
        """A run by its id."""
        doc = self._store.get("runs", run_id)
        return JobRun(**doc) if doc else None

    def runs(self, cloud: str | None = None, job: str | None = None) -> list[JobRun]:
        """Runs, oldest first."""
        found = [JobRun(**doc) for doc in self._store.all("runs").values()]
        wanted = [run for run in found if cloud in (None, run.cloud) and job in (None, run.job)]
        return sorted(wanted, key=lambda run: run.created)

    def wait(self, run_id: str, timeout: float) -> JobRun:
        """The run once it has ended. Raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: (r := self.get(run_id)) is not None and r.state in ENDED, timeout):
                raise TimeoutError(f"run {run_id} has not ended after {timeout:g} s")
        run = self.get(run_id)
        assert run is not None
        return run

    def logs(self, run_id: str) -> str:
        """What a run has printed so far."""
        run = self.get(run_id)
        path = Path(run.log_path) if run else None
        return path.read_text(errors="replace") if path and path.exists() else ""

    def stop(self) -> None:
        """Stop all runs."""
        for run in self.runs():
            if run.state not in ENDED:
                self.cancel(run.run_id, "the sandbox was stopped while this job ran")
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _save(self, run: JobRun) -> None:
        with self._changed:
            self._store.put("runs", run.run_id, asdict(run))
            self._changed.notify_all()

    def _end(self, run: JobRun, state: str, reason: str) -> None:
        run.state, run.reason, run.stopped = state, reason, time.time()
        self._save(run)

    def _run(self, spec: RunSpec, run: JobRun) -> None:
        try:
            if spec.run_id in self._cancelled:
                self._end(run, "FAILED", self._cancelled[spec.run_id])
                return
            run.state = "STARTING"
            self._save(run)
            with Path(run.log_path).open("ab") as log:
                job = self._runner.start(spec, log)
                try:
                    reason = self._watch(job, spec, run)
                finally:
                    job.remove()  # before anybody hears of its end
            self._end(run, "FAILED" if reason else "SUCCEEDED", reason)
        except CannotStartError as error:
            self._end(run, "FAILED", str(error))
        except Exception as error:  # noqa: BLE001 - a run that nobody ends would be waited for for ever
            self._end(run, "FAILED", f"the sandbox could not run the job: {error!r}")

    def _watch(self, job: Job, spec: RunSpec, run: JobRun) -> str:
        """Wait for the job's end, or bring it about; the reason if it failed."""
        run.state, run.started = "RUNNING", time.time()
        self._save(run)
        reason = ""
        while not reason:
            run.exit_code = job.wait(_LOOK_SECONDS)
            if run.exit_code is not None:
                failed = f"Essential container exited with code {run.exit_code}"
                return (job.verdict() or failed) if run.exit_code else ""
            reason = self._too_much(job, spec, run)
        job.kill()
        run.exit_code = job.wait(0)
        return reason

    def _too_much(self, job: Job, spec: RunSpec, run: JobRun) -> str:
        used = job.memory_mib()
        run.peak_memory_mib = max(run.peak_memory_mib, used)
        if spec.run_id in self._cancelled:
            return self._cancelled[spec.run_id]
        if used > spec.memory_mib:
            return out_of_memory(used, spec)
        if run.started and time.time() - run.started > spec.timeout_seconds:
            return f"the job ran longer than its time-out of {spec.timeout_seconds} s"
        return ""


def out_of_memory(used_mib: int, spec: RunSpec) -> str:
    """The reason of a job that needed more memory than it has."""
    return f"OutOfMemoryError: the container used {used_mib} MiB, it may use {spec.memory_mib} MiB"
