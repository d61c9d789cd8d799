"""The start of the program with one node on one cloud, against a program with one resource there; nothing is deployed.

The figures are those of a preview: the program's own processor time is the start-up, since the rest is the engine's.
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

_BARE = Path(__file__).parent / "programs" / "bare.py"


def measure(engine: Engine, folder: Path, runs: int, say: Callable[[str], None]) -> Iterator[Sample]:
    """Yield a sample for each cloud, run and program."""
    python = Path(sys.prefix) / "bin" / "python"
    with open_sandbox(folder / "sandbox", engine, 1) as environ:
        for cloud in fleet.CLOUDS:
            say(f"start-up on {cloud}")
            this = Project(folder / f"this-{cloud}", engine, environ, python)
            shutil.copy(ROOT / "__main__.py", this.folder)
            (this.folder / "nodes.yaml").write_text(fleet.write_nodes(1, [cloud]), encoding="utf-8")
            bare = Project(folder / f"bare-{cloud}", engine, environ, python)
            shutil.copy(_BARE, bare.folder / "__main__.py")
            (bare.folder / "bare.txt").write_text(cloud, encoding="utf-8")
            programs = {"this": this, "bare": bare}
            for project in programs.values():
                project.create_stack()
                project.run("preview")
            for run in range(runs):
                for name in sorted(programs, reverse=bool(run % 2)):
                    yield Sample(f"start-up on {cloud}", name, run, asdict(programs[name].run("preview")))
