"""Jobs as processes: an image's command with the cloud's environment, a time-out and a memory limit.

Each run gets a copy of the image's files, as a container would, and loses it at its end; its log and its record stay.
Memory is that of the whole process tree, looked at several times a second: over the limit the run is killed, as a
cluster would. CPU shares and the file system's isolation need a container engine.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

import psutil

from sandbox.images import Image, Images
from sandbox.network import Network
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
class Run:
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


class Executor:
    """Runs jobs, a few at a time, and remembers them."""

    def __init__(self, home: Path, store: Store, images: Images, network: Network) -> None:
        self._home, self._store, self._images, self._network = home / "runs", store, images, network
        self._pool = ThreadPoolExecutor(_PARALLEL, thread_name_prefix="job")
        self._changed = threading.Condition()
        self._cancelled: dict[str, str] = {}
        self._home.mkdir(parents=True, exist_ok=True)
        for run in self.runs():
            if run.state not in ENDED:
                self._end(run, "FAILED", "the sandbox was stopped while this job ran")

    def submit(self, spec: RunSpec) -> Run:
        """Queue a run; returns at once."""
        run = Run(
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

    def get(self, run_id: str) -> Run | None:
        """A run by its id."""
        doc = self._store.get("runs", run_id)
        return Run(**doc) if doc else None

    def runs(self, cloud: str | None = None, job: str | None = None) -> list[Run]:
        """Runs, oldest first."""
        found = [Run(**doc) for doc in self._store.all("runs").values()]
        wanted = [run for run in found if cloud in (None, run.cloud) and job in (None, run.job)]
        return sorted(wanted, key=lambda run: run.created)

    def wait(self, run_id: str, timeout: float) -> Run:
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

    def _save(self, run: Run) -> None:
        with self._changed:
            self._store.put("runs", run.run_id, asdict(run))
            self._changed.notify_all()

    def _end(self, run: Run, state: str, reason: str) -> None:
        run.state, run.reason, run.stopped = state, reason, time.time()
        self._save(run)

    def _run(self, spec: RunSpec, run: Run) -> None:
        scratch = self._home / f"{spec.run_id}.files"
        try:
            repository, _, digest = spec.image.partition("@")
            image = self._images.get(repository, digest)
            if image is None:
                self._end(run, "FAILED", f"CannotPullContainerError: there is no image {spec.image}")
                return
            if spec.run_id in self._cancelled:
                self._end(run, "FAILED", self._cancelled[spec.run_id])
                return
            run.state = "STARTING"
            self._save(run)
            shutil.copytree(image.root, scratch, symlinks=True)
            with Path(run.log_path).open("ab") as log:
                self._watch(self._process(spec, image, scratch, log), spec, run)
        except Exception as error:  # noqa: BLE001 - a run that nobody ends would be waited for for ever
            self._end(run, "FAILED", f"the sandbox could not run the job: {error!r}")
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _process(self, spec: RunSpec, image: Image, root: Path, log: IO[bytes]) -> subprocess.Popen[bytes]:
        entrypoint = spec.command if spec.command is not None else image.entrypoint
        arguments = spec.args if spec.args is not None else [] if spec.command is not None else image.command
        argv = [_in_image(word, root) for word in [*entrypoint, *arguments]]
        path = f"{image.environment / 'bin'}:/usr/local/bin:/usr/bin:/bin"
        env = {"PATH": path, "HOME": str(root), "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1", "TMPDIR": str(root)}
        env |= self._network.environment(f"job/{spec.run_id}") | image.env | spec.env | {"PATH": path}
        executable = shutil.which(argv[0], path=path) or argv[0]
        return subprocess.Popen(
            argv,
            executable=executable,
            cwd=root / image.workdir.lstrip("/"),
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def _watch(self, process: subprocess.Popen[bytes], spec: RunSpec, run: Run) -> None:
        run.state, run.started = "RUNNING", time.time()
        self._save(run)
        reason = ""
        while not reason:
            try:
                process.wait(timeout=_LOOK_SECONDS)
                break
            except subprocess.TimeoutExpired:
                reason = self._too_much(process.pid, spec, run)
        if reason:
            _kill(process)
        run.exit_code = process.returncode
        if reason or process.returncode:
            self._end(run, "FAILED", reason or f"Essential container exited with code {process.returncode}")
        else:
            self._end(run, "SUCCEEDED", "")

    def _too_much(self, pid: int, spec: RunSpec, run: Run) -> str:
        used = _memory_mib(pid)
        run.peak_memory_mib = max(run.peak_memory_mib, used)
        if spec.run_id in self._cancelled:
            return self._cancelled[spec.run_id]
        if used > spec.memory_mib:
            return f"OutOfMemoryError: the container used {used} MiB, it may use {spec.memory_mib} MiB"
        if run.started and time.time() - run.started > spec.timeout_seconds:
            return f"the job ran longer than its time-out of {spec.timeout_seconds} s"
        return ""


def _in_image(word: str, root: Path) -> str:
    inside = root / word.lstrip("/")
    return str(inside) if word.startswith("/") and inside.exists() else word


def _memory_mib(pid: int) -> int:
    total = 0
    try:
        parent = psutil.Process(pid)
        for process in [parent, *parent.children(recursive=True)]:
            total += process.memory_info().rss
    except psutil.Error:
        pass
    return total // 2**20


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
