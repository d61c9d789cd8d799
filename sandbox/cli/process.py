"""The sandbox's daemon as a process: starts it detached, finds it again, stops it.

The daemon writes `daemon.json` into its home when it is ready and removes it when it ends. A file that a killed daemon
left behind is told apart by its process and its control port: both must be there.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pnodes.engine.lock import exclusive
from pnodes.engine.paths import ROOT, TOOLS
from pnodes.errors import UserError
from sandbox.cli import shell as sandbox_shell

START_SECONDS = 120.0  # a container engine is tried, which takes seconds, or long where it hangs
STOP_SECONDS = 10.0
_POLL_SECONDS = 0.05
_MARK = ".pnodes-sandbox"
_CACHE = TOOLS / "environments"


@dataclass(frozen=True)
class Daemon:
    """A sandbox that runs: what its daemon.json says."""

    home: Path
    pid: int
    control: str
    gateway: str
    plugins: Mapping[str, int]
    ca: Path
    numerai: Mapping[str, str]

    @classmethod
    def from_json(cls, home: Path, text: str) -> "Daemon":
        """Reads daemon.json."""
        facts: dict[str, Any] = json.loads(text)
        return cls(
            home=home,
            pid=facts["pid"],
            control=facts["control"],
            gateway=facts["gateway"],
            plugins=facts["plugins"],
            ca=Path(facts["ca"]),
            numerai=facts["numerai"],
        )


def find(home: Path) -> Daemon | None:
    """The running sandbox of this home, if there is one."""
    try:
        daemon = Daemon.from_json(home, (home / "daemon.json").read_text())
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return daemon if alive(daemon.pid) and _listens(daemon.control) else None


def running(home: Path) -> Daemon:
    """The running sandbox, or a sentence that says how to start it."""
    daemon = find(home)
    if daemon is None:
        raise UserError(f"No sandbox is running in {home}. Start one with `pnodes sandbox start`.")
    return daemon


def command(home: Path, executor: str | None) -> list[str]:
    """The daemon's command line. The jobs' Python environments outlive the home: they are costly and hold no state."""
    chosen = [] if executor is None else ["--executor", executor]
    return [sys.executable, "-P", "-u", "-m", "sandbox.daemon", "--home", str(home), "--cache", str(_CACHE), *chosen]


def start(home: Path, timeout: float = START_SECONDS, executor: str | None = None) -> Daemon:
    """Starts the sandbox of this home and waits until it is ready; gives back the one that runs already.

    Without `executor` the daemon takes what PNODES_SANDBOX_EXECUTOR says, or what works.
    """
    home.mkdir(parents=True, exist_ok=True)
    with exclusive(home / "start.lock", lambda: None):
        daemon = find(home)
        if daemon is not None:
            return daemon
        (home / "daemon.json").unlink(missing_ok=True)
        (home / _MARK).touch()
        with (home / "daemon.log").open("ab") as log:
            process = subprocess.Popen(
                command(home, executor),
                cwd=ROOT,
                env=sandbox_shell.without_sandbox(os.environ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return _wait_until_ready(home, process, timeout)


def _wait_until_ready(home: Path, process: subprocess.Popen[bytes], timeout: float) -> Daemon:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise UserError(
                f"The sandbox ended with exit code {process.returncode} while it started. "
                f"The last lines of {home / 'daemon.log'}:\n{last_lines(home / 'daemon.log')}"
            )
        daemon = find(home)
        if daemon is not None and daemon.pid == process.pid:
            return daemon
        time.sleep(_POLL_SECONDS)
    _kill(process.pid, signal.SIGKILL)
    process.wait()
    raise UserError(
        f"The sandbox was not ready after {timeout:.0f} s. "
        f"The last lines of {home / 'daemon.log'}:\n{last_lines(home / 'daemon.log')}"
    )


def stop(home: Path, timeout: float = STOP_SECONDS) -> bool:
    """Stops the sandbox; False when none was running. Its state stays."""
    daemon = find(home)
    if daemon is None:
        (home / "daemon.json").unlink(missing_ok=True)
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(daemon.pid, signal.SIGTERM)
    deadline = time.monotonic() + timeout
    while alive(daemon.pid):
        if time.monotonic() > deadline:
            _kill(daemon.pid, signal.SIGKILL)
            break
        time.sleep(_POLL_SECONDS)
    (home / "daemon.json").unlink(missing_ok=True)
    return True


def wipe(home: Path) -> None:
    """Removes the state of a stopped sandbox. Refuses a folder that no sandbox was started in."""
    if not home.exists():
        return
    if not (home / _MARK).exists() and any(home.iterdir()):
        raise UserError(
            f"{home} was not made by the sandbox, so it is not emptied. "
            "Set PNODES_SANDBOX_HOME to another folder, or unset it."
        )
    shutil.rmtree(home)


def alive(pid: int) -> bool:
    """Whether the process is there (one that has ended and was ours is collected first)."""
    with contextlib.suppress(ChildProcessError):
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def last_lines(path: Path, count: int = 15) -> str:
    """The end of a log."""
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-count:])
    except FileNotFoundError:
        return "(there is no log)"


def _kill(pid: int, number: signal.Signals) -> None:
    """The daemon leads a process group of its own; what it started goes with it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _listens(address: str) -> bool:
    parts = urlsplit(address)
    try:
        with socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 0), timeout=2):
            return True
    except OSError:
        return False
