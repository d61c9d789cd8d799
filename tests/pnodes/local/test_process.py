"""A run ends by itself, at the time-out or at Ctrl-C, and leaves no process behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from pnodes.local import process
from tests.pnodes.local.project import Project

# A model with a child that has its own session and ignores SIGTERM.
FAMILY = """
import os, signal, subprocess, sys, time
stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"
child = subprocess.Popen([sys.executable, "-c", stubborn], start_new_session=True)
open("pids.new", "w").write(f"{os.getpid()} {child.pid}")
os.rename("pids.new", "pids")
time.sleep(600)
"""


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_the_exit_code_is_returned(tmp_path: Path) -> None:
    ended = process.run([sys.executable, "-c", "import sys; sys.exit(5)"], tmp_path, os.environ, 60)
    assert (ended.exit_code, ended.reason) == (5, "")


def test_a_signal_is_reported_as_in_a_shell(tmp_path: Path) -> None:
    ended = process.run(["/bin/sh", "-c", "kill -9 $$"], tmp_path, os.environ, 60)
    assert (ended.exit_code, ended.reason) == (137, "the model was killed by SIGKILL (out of memory, most likely).")


def test_the_time_out_stops_all_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "GRACE_SECONDS", 0.2)
    ended = process.run([sys.executable, "-c", FAMILY], tmp_path, os.environ, 3)
    assert ended.exit_code == process.TIMED_OUT, ended.reason
    assert ended.reason == "the run was stopped at the node's time-out of 3 s."
    assert not [pid for pid in (tmp_path / "pids").read_text().split() if not gone(int(pid))]


def test_children_do_not_outlive_their_model(tmp_path: Path) -> None:
    ended = process.run(["/bin/sh", "-c", "sleep 600 & echo $! > pid"], tmp_path, os.environ, 60)
    assert ended.exit_code == 0, ended.reason
    pid = int((tmp_path / "pid").read_text())
    psutil.wait_procs([child for child in psutil.process_iter() if child.pid == pid], timeout=10)
    assert gone(pid)


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupting_pnodes_stops_the_model_and_its_children(
    project: Project, sent: signal.Signals, code: int
) -> None:
    project.write(predict=FAMILY)
    with subprocess.Popen(
        project.command("--json"), cwd=project.folder, env=project.env, stdout=subprocess.PIPE, text=True
    ) as running:
        pids = project.model / "pids"
        while not pids.exists():
            assert running.poll() is None
            time.sleep(0.05)
        running.send_signal(sent)
        output, _ = running.communicate(timeout=60)
    assert running.returncode == code, output
    assert json.loads(output)["reason"] == "the run was interrupted."
    assert not [pid for pid in pids.read_text().split() if not gone(int(pid))]
