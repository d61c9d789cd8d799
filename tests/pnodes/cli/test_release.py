"""`pnodes release` at the shell: which input it refuses, and how it handles an interruption."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.pnodes_command import Pnodes

ALPHA = "urn:pulumi:dev::p::prediction-nodes:aws:PredictionNode::alpha"


def project(folder: Path) -> None:
    (folder / "Pulumi.yaml").write_text("name: p\nruntime: python\n")
    (folder / "m").mkdir()
    (folder / "m" / "Dockerfile").write_text("FROM python\n")
    model = "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01"
    (folder / "nodes.yaml").write_text(f"nodes:\n  alpha: {{model: {model}, cloud: aws, source: m}}\n")


def test_a_node_that_the_file_does_not_have_is_a_sentence(
    pnodes: Pnodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(tmp_path)
    monkeypatch.chdir(tmp_path)
    result = pnodes("release", "alpah")
    assert result.exit_code == 2, result.output
    assert 'Did you mean "alpha"?' in result.stderr
    done = pnodes("release", "alpha", "--json")
    assert done.exit_code == 2, done.output


ENGINE = """\
#!{python}
import json, pathlib, signal, sys, time

if sys.argv[1] == "preview":
    step = {{"urn": "{urn}", "op": "update", "newState": {{"parent": ""}}}}
    print(json.dumps({{"steps": [step]}}))
    sys.exit()
signal.signal(signal.SIGINT, lambda *_: None)
pathlib.Path("began").touch()
signal.pause()  # on an interruption, the engine finishes current operations and writes the state
time.sleep(1)
pathlib.Path("tidy").touch()
sys.exit(1)
"""


def test_ctrl_c_leaves_the_engine_the_time_to_end_tidily(tmp_path: Path) -> None:
    project(tmp_path)
    fake = tmp_path / "pulumi"
    fake.write_text(ENGINE.format(python=sys.executable, urn=ALPHA))
    fake.chmod(0o755)
    code = (
        "import pathlib; from pnodes import pulumi; from pnodes.cli import main; "
        "from pnodes.engine.locate import Engine; "
        f"pulumi.find = lambda: Engine(pathlib.Path({str(fake)!r}), 'v', 'a stand-in'); "
        "main.run()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, "release", "alpha", "--yes"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not (tmp_path / "began").exists():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert (tmp_path / "tidy").exists(), said
    assert "Traceback" not in said
    assert process.returncode == 1, said
