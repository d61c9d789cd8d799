"""A project with one node and its model, in which tests call `pnodes run`."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numerapi

MODEL_ID = "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01"
PACKAGES = str(Path(numerapi.__file__).parents[1])


@dataclass
class Project:
    """A folder with nodes.yaml and one model; `run` calls `pnodes run` in a separate process."""

    folder: Path
    env: dict[str, str] = field(default_factory=dict)

    @property
    def model(self) -> Path:
        return self.folder / "model"

    def node(self, **more: str) -> None:
        """Write nodes.yaml with the node `alice`; values are YAML."""
        keys = {"model": MODEL_ID, "cloud": "aws", "source": "model", **more}
        lines = [f"    {key}: {value}" for key, value in keys.items()]
        (self.folder / "nodes.yaml").write_text("\n".join(["nodes:", "  alice:", *lines, ""]))

    def write(self, **files: str) -> None:
        """Write the model's files: `predict` is predict.py, `Dockerfile` is Dockerfile."""
        for name, text in files.items():
            (self.model / (name if name == "Dockerfile" else f"{name}.py")).write_text(text)

    def command(self, *arguments: str) -> list[str]:
        code = "from pnodes.cli.main import run; run()"
        return [sys.executable, "-c", code, "run", "alice", *arguments]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments), cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=120
        )

    def predictions(self) -> list[Path]:
        return sorted((self.folder / ".pnodes" / "alice").glob("predictions-*"))
