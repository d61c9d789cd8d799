"""The commands of `pnodes`, with the project installed and, as in the workflows, without."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pnodes.cli.main import app
from pnodes.engine.paths import ROOT
from tests.pnodes_command import Pnodes

OWN = (
    *(
        "validate",
        "new",
        "run",
        "cost",
        "diff",
        "import",
        "status",
        "history",
        "scores",
        "logs",
        "dashboard",
        "test",
        "trigger",
    ),
    *("stop", "release", "repair", "doctor", "engine"),
)


def listed(text: str) -> list[str]:
    lines = text[text.index("Commands:") :].splitlines()[1:]
    return [line.split()[0] for line in lines if line.startswith("  ") and line[2] != " "]


def test_the_sandboxs_commands_plug_in_after_the_others_of_their_kind(pnodes: Pnodes) -> None:
    assert listed(pnodes("--help").stdout) == [*OWN, "demo", "alerts", "ci", "sandbox"]


def test_where_the_project_is_not_installed_there_are_no_others() -> None:
    code = (
        "import importlib.metadata, sys; importlib.metadata.entry_points = lambda **_: (); "
        "import runpy; sys.argv = ['pnodes', '--help']; runpy.run_module('pnodes', run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert listed(done.stdout) == [*OWN, "alerts", "ci"]


def test_the_version_is_the_projects(pnodes: Pnodes) -> None:
    result = pnodes("--version")
    assert result.exit_code == 0, result.output
    assert result.stdout == f"pnodes {tomllib.loads((ROOT / 'pyproject.toml').read_text())['project']['version']}\n"


@pytest.mark.parametrize("command", [(), ("status",), ("sandbox",), ("sandbox", "open-round"), ("demo",)])
def test_every_command_has_h(pnodes: Pnodes, command: tuple[str, ...]) -> None:
    result = pnodes(*command, "-h")
    assert result.exit_code == 0, result.output
    assert "Usage:" in result.stdout


@pytest.mark.parametrize(
    "command", ["status", "history", "scores", "logs", "test", "trigger", "stop", "release", "run"]
)
def test_names_of_nodes_are_completed(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: mine\n")
    (tmp_path / "nodes.yaml").write_text("nodes:\n  alpha: {}\n  alba: [\n  beta: {}\n")
    monkeypatch.chdir(tmp_path)
    assert complete(command, "al") == [], "a file that cannot be read completes nothing"
    (tmp_path / "nodes.yaml").write_text("nodes:\n  alpha: {}\n  alba: {}\n  beta: {}\n")
    assert complete(command, "al") == ["alpha", "alba"]


def complete(command: str, beginning: str) -> list[str]:
    """Return what bash offers for a command's first argument."""
    words = {"COMP_WORDS": f"pnodes {command} {beginning}", "COMP_CWORD": "2", "_PNODES_COMPLETE": "complete_bash"}
    return CliRunner().invoke(app, [], env=words, prog_name="pnodes").stdout.split()
