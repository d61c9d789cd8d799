"""What `pnodes diff` prints if there is nothing to compare."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pnodes import pulumi
from pnodes.engine import Engine
from pnodes.engine.version import Version
from tests.pnodes_command import Pnodes

NODE = "nodes:\n  alpha: {model: 5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01, cloud: aws, source: m}\n"


@pytest.fixture
def engine_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A project whose engine fails with the last of these texts; with [], the engine must not be called."""
    (tmp_path / "Pulumi.yaml").write_text("name: p\nruntime: python\n")
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "Dockerfile").write_text("FROM python\n")
    (tmp_path / "nodes.yaml").write_text(NODE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pulumi, "find", lambda: Engine(Path("/bin/pulumi"), Version(3, 259, 0), "PATH"))
    said: list[str] = []
    monkeypatch.setattr(subprocess, "run", lambda *_args, **_named: subprocess.CompletedProcess([], 255, "", said[-1]))
    return said


@pytest.mark.parametrize("command", [("diff",), ("diff", "--json"), ("release", "alpha", "--yes")])
def test_an_engine_without_login_or_stack_is_a_sentence_with_the_next_step(
    pnodes: Pnodes, engine_says: list[str], command: tuple[str, ...]
) -> None:
    for said, sentence in (
        ("error: PULUMI_ACCESS_TOKEN must be set for login during non-interactive CLI sessions", "`pulumi login`"),
        ("error: no stack selected; please use `pulumi stack select`", "`pulumi stack select NAME`"),
    ):
        engine_says.append(said)
        result = pnodes(*command)
        assert result.exit_code == 1, result.output
        assert sentence in result.stderr, result.output


def test_mistakes_of_nodes_yaml_are_said_before_anything_slow(pnodes: Pnodes, engine_says: list[str]) -> None:
    Path("nodes.yaml").write_text(NODE.replace("aws", "awss"))
    result = pnodes("diff")
    assert result.exit_code == 2, result.output
    assert 'Did you mean "aws"?' in result.stderr
    assert engine_says == []


def test_a_stack_that_the_file_does_not_name_is_a_sentence(pnodes: Pnodes, engine_says: list[str]) -> None:
    Path("nodes.yaml").write_text(f"{NODE}stacks: {{live: {{cloud: aws}}}}\n")
    Path("plan.json").write_text('{"steps": []}')
    result = pnodes("diff", "--plan", "plan.json", "--stack", "dev")
    assert result.exit_code == 2, result.output
    assert result.stderr == "error: nodes.yaml:3:1: `stacks` has no stack dev; it has live.\n"
