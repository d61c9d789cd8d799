"""Starting, finding and stopping the sandbox's daemon, tested with a small stand-in daemon."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pnodes.errors import UserError
from sandbox.cli import process as sandbox_process

Use = Callable[[str], None]


def test_the_daemon_is_started_once_and_stopped(home: Path, daemon_code: Use) -> None:
    first = sandbox_process.start(home)
    assert sandbox_process.start(home) == first
    assert sandbox_process.require(home) == first
    assert os.getsid(first.pid) == first.pid
    assert sandbox_process.stop(home)
    assert not sandbox_process.is_alive(first.pid)
    assert not sandbox_process.stop(home)
    assert sandbox_process.start(home).pid != first.pid


def test_a_daemon_that_fails_shows_the_end_of_its_log(home: Path, daemon_code: Use) -> None:
    daemon_code("sys.exit(7)")
    with pytest.raises(UserError, match=r"(?s)exit code 7 during its start.*the daemon speaks"):
        sandbox_process.start(home)


def test_a_daemon_that_hangs_is_killed(home: Path, daemon_code: Use) -> None:
    daemon_code("(home / 'pid').write_text(str(os.getpid())); signal.pause()")
    with pytest.raises(UserError, match=r"was not ready after 1 s"):
        sandbox_process.start(home, timeout=1)
    assert not sandbox_process.is_alive(int((home / "pid").read_text()))


def test_a_daemon_that_ignores_sigterm_is_killed(home: Path, daemon_code: Use) -> None:
    daemon_code("signal.signal(signal.SIGTERM, signal.SIG_IGN)")
    daemon = sandbox_process.start(home)
    assert sandbox_process.stop(home, timeout=0.2)
    os.waitpid(daemon.pid, 0)
    assert not sandbox_process.is_alive(daemon.pid)


@pytest.mark.parametrize("pid", [os.getpid(), 2**22 + 1], ids=["another process has the number", "no such process"])
def test_the_file_of_a_killed_daemon_does_not_count(home: Path, daemon_code: Use, pid: int) -> None:
    daemon = sandbox_process.start(home)
    stale = json.loads((home / "daemon.json").read_text()) | {"pid": pid, "control": "http://127.0.0.1:1"}
    sandbox_process.stop(home)
    (home / "daemon.json").write_text(json.dumps(stale))
    assert sandbox_process.find(home) is None
    assert sandbox_process.start(home).pid not in (daemon.pid, pid)


@pytest.mark.parametrize("text", ["", "[]", '{"pid": 1}'])
def test_a_broken_file_is_no_daemon(home: Path, text: str) -> None:
    home.mkdir()
    (home / "daemon.json").write_text(text)
    assert sandbox_process.find(home) is None
    with pytest.raises(UserError, match="Start one with `pnodes sandbox start`"):
        sandbox_process.require(home)


def test_only_a_sandboxs_home_is_deleted(home: Path, daemon_code: Use) -> None:
    home.mkdir()
    (home / "thesis.tex").touch()
    with pytest.raises(UserError, match="was not created by the sandbox, so its files are not deleted"):
        sandbox_process.wipe(home)
    (home / "thesis.tex").unlink()
    sandbox_process.start(home)
    sandbox_process.stop(home)
    sandbox_process.wipe(home)
    assert not home.exists()
    sandbox_process.wipe(home)
