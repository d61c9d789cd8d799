"""A program of this machine, watched to its end: its time-out, its memory and that of its children, and Ctrl-C."""

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

from pnodes.local.refused import CannotRun
from pnodes.wording import duration

LOOK_SECONDS = 0.25
GRACE_SECONDS = 10.0
TIMED_OUT, NOT_STARTED, INTERRUPTED = 124, 127, 130


@dataclass(frozen=True)
class Ended:
    """How a run ended; `peak_mib` is None where it was not measured, `reason` a sentence when something stopped it."""

    exit_code: int
    seconds: float
    peak_mib: int | None = None
    reason: str = ""


class Stopped(BaseException):
    """A signal asked this program to end."""

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
    """Runs a command to its end, its output where this program's own goes (or to `output`), without standard input.

    At the time-out, at Ctrl-C and at SIGTERM the whole family of processes is ended: politely first, then for good.
    `stop` is called before that, for what runs elsewhere.
    """
    began = time.monotonic()
    with _signals():
        process = _start(command, folder, env, output)
        peak = 0
        try:
            while True:
                peak = max(peak, _memory_mib(process.pid)) if measure else 0
                left = timeout - (time.monotonic() - began)
                try:
                    code = process.wait(timeout=max(0.0, min(LOOK_SECONDS, left)))
                    break
                except subprocess.TimeoutExpired:
                    if left <= 0:
                        _end(process, signal.SIGTERM, stop)
                        reason = f"the run was stopped at the node's time-out of {duration(timeout)}."
                        return Ended(TIMED_OUT, time.monotonic() - began, peak or None, reason)
        except (KeyboardInterrupt, Stopped) as interrupted:
            sent = signal.SIGINT if isinstance(interrupted, KeyboardInterrupt) else signal.SIGTERM
            _end(process, sent, stop)
            exit_code = INTERRUPTED if isinstance(interrupted, KeyboardInterrupt) else interrupted.exit_code
            return Ended(exit_code, time.monotonic() - began, peak or None, "the run was interrupted.")
        finally:
            _sweep(process.pid)
    return Ended(code if code >= 0 else 128 - code, time.monotonic() - began, peak or None, _killed(code))


def _start(command: Sequence[str], folder: Path, env: Mapping[str, str], output: int | None) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            list(command),
            cwd=folder,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            start_new_session=True,  # a terminal's Ctrl-C comes here alone, and is handed on
        )
    except OSError as error:
        raise CannotRun(f"{command[0]} could not be started in {folder}: {error.strerror}.", NOT_STARTED) from None


def _end(process: subprocess.Popen[bytes], sent: signal.Signals, stop: Callable[[], object] | None) -> None:
    """Ask the family to end; whoever is left after a while is killed, also those that left its session."""
    family = _family(process.pid)
    try:
        if stop is not None:
            stop()
        _to_group(process.pid, sent)
        process.wait(timeout=GRACE_SECONDS)
    except (subprocess.TimeoutExpired, KeyboardInterrupt, Stopped):  # a second Ctrl-C: at once
        pass
    _to_group(process.pid, signal.SIGKILL)
    for each in family:
        with contextlib.suppress(psutil.Error):
            each.kill()
    process.wait()
    psutil.wait_procs(family, timeout=GRACE_SECONDS)


def _sweep(group: int) -> None:
    """What a container's end would end: children that outlived their parent."""
    _to_group(group, signal.SIGKILL)


def _to_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _family(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.Error:
        return []


def _memory_mib(pid: int) -> int:
    """Memory of a process and all below it; what they share counts for each, as it does not in a container."""
    total = 0
    for process in _family(pid):
        with contextlib.suppress(psutil.Error):
            total += process.memory_info().rss
    return total // 2**20


def _killed(code: int) -> str:
    if code >= 0:
        return ""
    name = signal.Signals(-code).name
    hint = " (out of memory, most likely)" if name == "SIGKILL" else ""
    return f"the model was ended by {name}{hint}."


@contextlib.contextmanager
def _signals() -> Iterator[None]:
    """SIGTERM and SIGHUP end the run as Ctrl-C does, instead of leaving the model behind."""

    def stopped(number: int, _frame: FrameType | None) -> None:
        raise Stopped(number)

    before = {number: signal.signal(number, stopped) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
