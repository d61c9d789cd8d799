"""docs/how-to/model-files.md: its block shows what the command prints for an example that is not trained."""

from __future__ import annotations

import os
from pathlib import Path

from pnodes.edit import examples
from pnodes.engine.paths import ROOT
from tests.docs import pages


def test_the_warning(tmp_path: Path) -> None:
    examples.copy(examples.find("tournament-python"), tmp_path / "my-model", "my-model")
    node = "{model: 0b9c8a31-6c1e-4f5b-9a35-0d1f6f1b7c09, cloud: aws, source: my-model}"
    (tmp_path / "nodes.yaml").write_text(f"nodes: {{alpha: {node}}}\n")
    (tmp_path / "Pulumi.yaml").write_text("{name: prediction-nodes, runtime: python}\n")
    env = {**os.environ, "PATH": f"{ROOT / '.venv/bin'}:{os.environ['PATH']}"}
    pages.check(ROOT / "docs" / "how-to" / "model-files.md", tmp_path, env, by_hand=lambda text: None)
