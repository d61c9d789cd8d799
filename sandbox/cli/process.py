"""Starts, finds and stops the sandbox's daemon, a detached process.

The daemon writes `daemon.json` into its home when it is ready and removes it when it ends. A killed daemon leaves the
file behind, so the daemon counts as running only if its process exists and its control port accepts connections.
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

START_SECONDS = 120.0  # includes the trial of a container engine: seconds, but longer if the engine hangs
STOP_SECONDS = 10.0
_POLL_SECONDS = 0.05
_MARK = ".pnodes-sandbox"
_CACHE = TOOLS / "environments"


@dataclass(frozen=True)
class Daemon:
    """A running sandbox, as described by its daemon.json."""

    home: Path
    pid: int
    control: str
    gateway: str
    plugins: Mapping[str, int]
    ca: Path
    numerai: Mapping[str, str]

    @classmethod
    def from_json(cls, home: Path, text: str) -> "Daemon":
        """Parse the text of daemon.json. Raises ValueError, KeyError or TypeError."""
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
    """Find the running sandbox of this home; None if it is not running."""
    try:
        daemon = Daemon.from_json(home, (home / "daemon.json").read_text())
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return daemon if is_alive(daemon.pid) and _listens(daemon.control) else None


def require(home: Path) -> Daemon:
    """Find the running sandbox of this home. Raises UserError if it is not running."""
    daemon = find(home)
    if daemon is None:
        raise UserError(f"No sandbox is running in {home}. Start one with `pnodes sandbox start`.")
    return daemon


def build_command(home: Path, executor: str | None) -> list[str]:
    """Build the daemon's command line.

    The jobs' Python environments are kept outside the home: they hold no state, and take long to build again.
    """
    options = [] if executor is None else ["--executor", executor]
    return [sys.executable, "-P", "-u", "-m", "sandbox.daemon", "--home", str(home), "--cache", str(_CACHE), *options]


def start(home: Path, timeout: float = START_SECONDS, executor: str | None = None) -> Daemon:
    """Start the sandbox of this home and wait until it is ready; if it is already running, return it.

    Without `executor`, the daemon uses PNODES_SANDBOX_EXECUTOR, or else chooses an executor that works.
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
                build_command(home, executor),
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
                f"The sandbox ended with exit code {process.returncode} during its start. "
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
    """Stop the sandbox and keep its state. Returns False if it was not running."""
    daemon = find(home)
    if daemon is None:
        (home / "daemon.json").unlink(missing_ok=True)
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(daemon.pid, signal.SIGTERM)
    deadline = time.monotonic() + timeout
    while is_alive(daemon.pid):
        if time.monotonic() > deadline:
            _kill(daemon.pid, signal.SIGKILL)
            break
        time.sleep(_POLL_SECONDS)
    (home / "daemon.json").unlink(missing_ok=True)
    return True


def wipe(home: Path) -> None:
    """Delete the state of a stopped sandbox. Raises UserError for a folder that the sandbox did not create."""
    if not home.exists():
        return
    if not (home / _MARK).exists() and any(home.iterdir()):
        raise UserError(
            f"{home} was not created by the sandbox, so its files are not deleted. "
            "Set PNODES_SANDBOX_HOME to another folder, or unset it."
        )
    shutil.rmtree(home)


def is_alive(pid: int) -> bool:
    """Return whether the process exists, after collecting it if it is a child that has ended."""
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
    """Return the last lines of a log."""
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-count:])
    except FileNotFoundError:
        return "(the log does not exist)"


def _kill(pid: int, number: signal.Signals) -> None:
    """Send a signal to the daemon's process group: the daemon and the processes that it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _listens(address: str) -> bool:
    parts = urlsplit(address)
    try:
        with socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 0), timeout=2):
            return True
    except OSError:
        return False
