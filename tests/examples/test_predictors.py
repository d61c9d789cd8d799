"""The Makefile of examples/predictors: `make release-pred1` calls pnodes for the node of that name."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from pnodes.engine.paths import ROOT


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
    shutil.copy(ROOT / "examples" / "predictors" / "Makefile", tmp_path)
    stub = tmp_path / "pnodes"
    stub.write_text('#!/bin/sh\necho "$@" > called\n')
    stub.chmod(0o755)
    subprocess.run(["make", "-s", target, f"PNODES={stub}"], cwd=tmp_path, check=True)
    assert (tmp_path / "called").read_text().strip() == called
