"""`pnodes validate`: prints a line for each problem, exits with 2, and needs no engine."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from pnodes.engine.paths import ROOT

Pnodes = Callable[..., Result]
WRONG = """\
defaults:
  tournament: classic
nodes:
  alice:
    model: alice
    cloud: awz
    source: model
    colour: red
"""
RIGHT = WRONG.replace("awz", "aws").replace("    colour: red\n", "")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with a model and a Pulumi.yaml."""
    (tmp_path / "Pulumi.yaml").write_text("name: mine\nruntime: python\n")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "Dockerfile").write_text("FROM python:3.12-slim\n")
    return tmp_path


def test_every_problem_has_its_line(pnodes: Pnodes, folder: Path) -> None:
    file = folder / "nodes.yaml"
    file.write_text(WRONG)
    done = pnodes("validate", str(file))
    assert done.exit_code == 2, done.output
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    assert [line for line in lines if "nodes.yaml:6:" in line and "awz" in line], lines
    assert [line for line in lines if "nodes.yaml:8:" in line and "colour" in line], lines
    assert "Traceback" not in done.stdout + done.stderr


def test_json_holds_the_same(pnodes: Pnodes, folder: Path) -> None:
    file = folder / "nodes.yaml"
    file.write_text(WRONG)
    done = pnodes("validate", str(file), "--json")
    assert done.exit_code == 2, done.output
    found = json.loads(done.stdout)
    assert found["valid"] is False
    assert sorted(problem["line"] for problem in found["problems"]) == [6, 8]


def test_a_file_without_problems(pnodes: Pnodes, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "nodes.yaml").write_text(RIGHT)
    monkeypatch.chdir(folder / "model")
    done = pnodes("validate")
    assert done.exit_code == 0, done.output
    assert done.stdout == f"{folder}/nodes.yaml: 1 node, no problem (1 on aws)\n"
    (node,) = json.loads(pnodes("validate", "--json").stdout)["nodes"]
    plain = {"name": "alice", "cloud": "aws", "region": "us-east-1", "enabled": True}
    assert node == {**plain, "rescue": None, "note": None, "warning": None}


def test_a_missing_model_file_is_a_warning(pnodes: Pnodes, folder: Path) -> None:
    (folder / "nodes.yaml").write_text(RIGHT)
    (folder / "model" / "predict.py").write_text('load("model.pkl")\n')
    done = pnodes("validate", str(folder / "nodes.yaml"))
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("alice: warning: predict.py, line 1 names model.pkl, which the image will")


def test_a_file_that_is_missing(pnodes: Pnodes, folder: Path) -> None:
    done = pnodes("validate", str(folder / "nodes.yml"))
    assert done.exit_code == 2, done.output
    assert len(done.stdout.splitlines()) == 1


def test_neither_an_engine_nor_the_sdk_is_needed() -> None:
    code = (
        "import sys; from pnodes.cli.main import app; app(['validate'], standalone_mode=False); "
        "sys.exit(1 if any(name.partition('.')[0].startswith('pulumi') for name in sys.modules) else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={"PATH": "/nowhere"}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no problem" in done.stdout


def test_the_rescues_are_named(pnodes: Pnodes, folder: Path) -> None:
    (folder / "nodes.yaml").write_text(RIGHT.rstrip() + "\n    rescue: {cloud: gcp}\n")
    done = pnodes("validate", str(folder / "nodes.yaml"))
    assert done.stdout.endswith(": 1 node, no problem (1 on aws; rescues: alice in gcp us-central1)\n"), done.output
