"""A project with one node and its model, in which tests call `pnodes run`."""

from __future__ import annotations

import atexit
import functools
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numerapi

from tests.preloaded import Preloaded

MODEL_ID = "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01"
PACKAGES = str(Path(numerapi.__file__).parents[1])
_CODE = "from pnodes.cli.main import run; run()"


@functools.cache
def _preload(path: str) -> Preloaded:
    """Start a process with the modules of `pnodes run`, for all its calls; `path` is PYTHONPATH."""
    preloaded = Preloaded(sys.executable, ("pnodes.cli.main", "pnodes.local.local"), {"PYTHONPATH": path})
    atexit.register(preloaded.close)
    return preloaded


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
        return [sys.executable, "-c", _CODE, "run", "alice", *arguments]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        preloaded = _preload(self.env["PYTHONPATH"])
        return preloaded.run(_CODE, "run", "alice", *arguments, cwd=self.folder, env=self.env, timeout=120)

    def predictions(self) -> list[Path]:
        return sorted((self.folder / ".pnodes" / "alice").glob("predictions-*"))
