"""The commands that look at deployed nodes and at changes, against what the engine alone takes for what they ask of it.

The goal is 3 seconds for three nodes and 5 for fifty, on an idle machine. The processor time of `this` includes that of
the engine, which `pnodes` starts.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

from benchmarks import fleet
from benchmarks.project import Project, open_sandbox
from benchmarks.result import Sample
from pnodes.engine import Engine
from pnodes.engine.paths import ROOT

_OUTPUTS = ("stack", "output", "--json", "--show-secrets")
_COMMANDS = {"status": _OUTPUTS, "doctor": _OUTPUTS, "diff": ("preview", "--json")}


def measure(engine: Engine, folder: Path, sizes: list[int], runs: int, say: Callable[[str], None]) -> Iterator[Sample]:
    """Yield a sample for each size, command, run and program."""
    for size in sizes:
        say(f"commands with {size} nodes")
        with open_sandbox(folder / f"sandbox-{size}", engine, size) as environ:
            project = Project(folder / f"commands-{size}", engine, environ, Path(sys.prefix) / "bin" / "python")
            shutil.copy(ROOT / "__main__.py", project.folder)
            nodes = fleet.write_nodes(size, schedule="30 14 * * 2-6")
            (project.folder / "nodes.yaml").write_text(nodes, encoding="utf-8")
            project.create_stack()
            project.run("up", "--yes", "--skip-preview")
            for run in range(runs):
                for command, alone in _COMMANDS.items():
                    name = f"pnodes {command}, {size} nodes"
                    yield Sample(name, "this", run, asdict(project.run_pnodes(command)))
                    yield Sample(name, "engine", run, asdict(project.run(*alone)))
