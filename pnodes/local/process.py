"""Run a program to its end: enforce its time-out, measure its memory and its children's, and handle Ctrl-C."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import psutil

from pnodes.errors import UserError
from pnodes.wording import duration

POLL_SECONDS = 0.25
GRACE_SECONDS = 10.0
TIMED_OUT, NOT_STARTED, INTERRUPTED = 124, 127, 130


@dataclass(frozen=True)
class Ended:
    """The end of a run; `peak_mib` is None if it was not measured, `reason` a sentence if the run was stopped."""

    exit_code: int
    seconds: float
    peak_mib: int | None = None
    reason: str = ""


class Stopped(BaseException):
    """A signal asked this program to stop."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


def run(
    command: Sequence[str],
    folder: Path,
    env: Mapping[str, str],
    timeout: float,
    output: int | None = None,
    stop: Callable[[], object] | None = None,
    measure: bool = True,
) -> Ended:
    """Run a command to its end, without standard input; its output goes to this program's output or to `output`.

    On the time-out, Ctrl-C or SIGTERM, the command and its descendants get a signal and are killed if they do not end.
    `stop` is called first, to stop what runs outside these processes.
    """
    began = time.monotonic()
    with _handle_signals():
        process = _start(command, folder, env, output)
        peak = 0
        try:
            while True:
                peak = max(peak, _measure_memory_mib(process.pid)) if measure else 0
                left = timeout - (time.monotonic() - began)
                try:
                    code = process.wait(timeout=max(0.0, min(POLL_SECONDS, left)))
                    break
                except subprocess.TimeoutExpired:
                    if left <= 0:
                        _stop(process, signal.SIGTERM, stop)
                        reason = f"the run was stopped at the node's time-out of {duration(timeout)}."
                        return Ended(TIMED_OUT, time.monotonic() - began, peak or None, reason)
        except (KeyboardInterrupt, Stopped) as interrupted:
            sent = signal.SIGINT if isinstance(interrupted, KeyboardInterrupt) else signal.SIGTERM
            _stop(process, sent, stop)
            exit_code = INTERRUPTED if isinstance(interrupted, KeyboardInterrupt) else interrupted.exit_code
            return Ended(exit_code, time.monotonic() - began, peak or None, "the run was interrupted.")
        finally:
            _signal_group(process.pid, signal.SIGKILL)  # children that outlived their parent, as in a container
    return Ended(code if code >= 0 else 128 - code, time.monotonic() - began, peak or None, _describe_signal(code))


def _start(command: Sequence[str], folder: Path, env: Mapping[str, str], output: int | None) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            list(command),
            cwd=folder,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            start_new_session=True,  # so that a terminal's Ctrl-C reaches only this program, which passes it on
        )
    except OSError as error:
        raise UserError(f"{command[0]} could not be started in {folder}: {error.strerror}.", NOT_STARTED) from None


def _stop(process: subprocess.Popen[bytes], sent: signal.Signals, stop: Callable[[], object] | None) -> None:
    """Send a signal to the process and its descendants; kill those that remain, also outside its session."""
    family = _list_family(process.pid)
    try:
        if stop is not None:
            stop()
        _signal_group(process.pid, sent)
        process.wait(timeout=GRACE_SECONDS)
    except (subprocess.TimeoutExpired, KeyboardInterrupt, Stopped):  # a second Ctrl-C kills at once
        pass
    _signal_group(process.pid, signal.SIGKILL)
    for member in family:
        with contextlib.suppress(psutil.Error):
            member.kill()
    process.wait()
    psutil.wait_procs(family, timeout=GRACE_SECONDS)


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _list_family(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.Error:
        return []


def _measure_memory_mib(pid: int) -> int:
    """Return the memory of a process and its descendants. Unlike in a container, shared memory counts for each."""
    total = 0
    for process in _list_family(pid):
        with contextlib.suppress(psutil.Error):
            total += process.memory_info().rss
    return total // 2**20


def _describe_signal(code: int) -> str:
    if code >= 0:
        return ""
    name = signal.Signals(-code).name
    hint = " (out of memory, most likely)" if name == "SIGKILL" else ""
    return f"the model was killed by {name}{hint}."


@contextlib.contextmanager
def _handle_signals() -> Iterator[None]:
    """Make SIGTERM and SIGHUP stop the run as Ctrl-C does, so that the model does not keep running."""

    def raise_stopped(number: int, _frame: FrameType | None) -> None:
        raise Stopped(number)

    before = {number: signal.signal(number, raise_stopped) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
