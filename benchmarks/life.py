"""The life of a deployment under four programs: this one, an earlier commit, the flat one and the engine's floor.

Each operation is done by all programs before the next one begins, in an order that changes with each run, so that
whatever else the machine does meets all of them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from benchmarks import earlier, fleet
from benchmarks.empty_provider import EmptyProvider
from benchmarks.project import STACK, Project, open_sandbox, read_config
from benchmarks.result import Sample
from pnodes.engine import Engine
from pnodes.engine.paths import ROOT
from sandbox.cli import shell

PROGRAMS = Path(__file__).parent / "programs"
_UP = ("up", "--yes", "--skip-preview")
OPERATIONS: dict[str, tuple[str, ...]] = {
    "preview": ("preview",),
    "first up": _UP,
    "unchanged up": _UP,
    "one edit": _UP,
    "one added node": _UP,
    "destroy": ("destroy", "--yes", "--skip-preview"),
}

LARGE, PATIENCE = 300, 5
"""From this size on, the earlier commit would take hours: it does its first up alone, which is stopped after this many
times our time."""


def record(nodes: Path, target: Path, stack: str = STACK) -> int:
    """Write the record of a nodes.yaml for the flat program; return the number of resources."""
    command = [sys.executable, "-m", "benchmarks.recording", str(nodes), str(target), stack, json.dumps(read_config())]
    subprocess.run(command, cwd=ROOT, check=True)
    return sum("type" in entry for entry in json.loads(target.read_text(encoding="utf-8")))


class Fleet:
    """The files that the programs of one size read: as first deployed, with one edit, and with one more node."""

    def __init__(self, folder: Path, size: int) -> None:
        self.size = size
        versions = {
            "first": fleet.write_nodes(size),
            "edited": fleet.write_nodes(size, edited=True),
            "added": fleet.write_nodes(size + 1, edited=True),
        }
        self.folders = {version: folder / version for version in versions}
        self.resources = 0
        for version, text in versions.items():
            place = self.folders[version]
            fleet.write_model(place)
            (place / "nodes.yaml").write_text(text, encoding="utf-8")
            count = record(place / "nodes.yaml", place / "resources.json")
            empty = {"count": count, "edited": version != "first"}
            (place / "empty.json").write_text(json.dumps(empty), encoding="utf-8")
            self.resources = self.resources or count

    def put(self, version: str, folder: Path) -> None:
        """Copy the files of a version into a project's folder."""
        for name in ("nodes.yaml", "resources.json", "empty.json"):
            shutil.copy(self.folders[version] / name, folder)


def floor_environment(engine: Engine, port: int) -> dict[str, str]:
    """Return the environment of a program whose only provider is the empty one: no sandbox, no cloud."""
    inherited = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
    return {
        **inherited,
        "PATH": os.pathsep.join([str(engine.bin), os.environ.get("PATH", os.defpath)]),
        "PULUMI_DEBUG_PROVIDERS": f"empty:{port}",
        "PULUMI_CONFIG_PASSPHRASE": shell.PASSPHRASE,
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    }


def measure(engine: Engine, folder: Path, sizes: list[int], runs: int, say: Callable[[str], None]) -> Iterator[Sample]:
    """Yield a sample for each size, run, operation and program."""
    old = earlier.Checkout(folder / "earlier")
    for size in sizes:
        files = Fleet(folder / f"fleet-{size}", size)
        for run in range(runs):
            say(f"{size} nodes ({files.resources} resources), run {run + 1} of {runs}")
            place = folder / f"life-{size}-{run}"
            yield from _measure_run(engine, place, files, old, run)
            shutil.rmtree(place)


def _measure_run(engine: Engine, folder: Path, files: Fleet, old: earlier.Checkout, run: int) -> Iterator[Sample]:
    this_python = Path(sys.prefix) / "bin" / "python"
    with ExitStack() as stack:

        def sandbox(name: str) -> dict[str, str]:
            return stack.enter_context(open_sandbox(folder / f"{name}-sandbox", engine, files.size + 1))

        projects = {
            "this": Project(folder / "this", engine, sandbox("this"), this_python),
            "earlier": Project(folder / "earlier", engine, sandbox("earlier"), old.python),
            "flat": Project(folder / "flat", engine, sandbox("flat"), this_python),
        }
        server, port = EmptyProvider().serve()
        stack.callback(server.stop, None)
        projects["floor"] = Project(folder / "floor", engine, floor_environment(engine, port), this_python)
        shutil.copy(ROOT / "__main__.py", projects["this"].folder)
        old.copy_into(projects["earlier"].folder)
        shutil.copy(PROGRAMS / "flat.py", projects["flat"].folder / "__main__.py")
        shutil.copy(PROGRAMS / "empty.py", projects["floor"].folder / "__main__.py")
        for project in projects.values():
            files.put("first", project.folder)
            project.create_stack()
            # Fills the caches of bytecode, of the file system and of the sandbox's providers.
            project.run("preview")
        shift = run % len(projects)
        order = [*list(projects)[shift:], *list(projects)[:shift]]
        if files.size >= LARGE:
            order.remove("earlier")
        for operation, command in OPERATIONS.items():
            for name in order:
                if version := {"one edit": "edited", "one added node": "added"}.get(operation):
                    files.put(version, projects[name].folder)
                cost = projects[name].run(*command)
                if (operation, name) == ("first up", "this"):
                    limit = PATIENCE * cost.seconds
                yield Sample(f"{operation}, {files.size} nodes", name, run, asdict(cost))
        if files.size >= LARGE:
            taken = projects["earlier"].run_until(limit, *_UP)
            name = "stopped" if taken == limit else "earlier"
            yield Sample(f"first up, {files.size} nodes", name, run, {"seconds": taken})
