"""The Makefile of examples/predictors: `make release-pred1` calls pnodes for the node of that name."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from pnodes.engine.paths import ROOT


def make(folder: Path, *arguments: str) -> str:
    """Run make with a stub of pnodes; return the stub's arguments."""
    shutil.copy(ROOT / "examples" / "predictors" / "Makefile", folder)
    stub = folder / "pnodes"
    stub.write_text('#!/bin/sh\necho "$@" > called\n')
    stub.chmod(0o755)
    subprocess.run(["make", "-s", *arguments, f"PNODES={stub}"], cwd=folder, check=True)
    return (folder / "called").read_text().strip()


@pytest.mark.parametrize(
    ("target", "called"),
    [
        ("release-pred1", "release pred1"),
        ("release-my_pred", "release my-pred"),
        ("release-my-pred-2", "release my-pred-2"),
        ("run-pred2", "run pred2"),
        ("logs-pred1", "logs pred1"),
        ("stop-pred1", "stop pred1"),
    ],
)
def test_a_target_calls_pnodes_for_its_node(tmp_path: Path, target: str, called: str) -> None:
    assert make(tmp_path, target) == called


def test_a_release_can_be_confirmed_in_advance(tmp_path: Path) -> None:
    assert make(tmp_path, "release-pred1", "ARGS=--yes") == "release pred1 --yes"
