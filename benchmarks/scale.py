"""`make scale`: deploy large fleets in the sandbox, in one stack and in several; write scale.json and scale.md.

Unlike the benchmarks, it compares with nothing: it fails if a fleet cannot be deployed, and docs/scale.md has its
figures. Two stacks are updated at the same time, each from a checkout of its own, as two CI jobs do.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import fleet
from benchmarks.machine import describe_machine
from benchmarks.project import Cost, Project, open_sandbox
from pnodes.engine import Engine, ensure
from pnodes.engine.paths import ROOT

_UP, _DESTROY = ("up", "--yes", "--skip-preview"), ("destroy", "--yes", "--skip-preview")
_PREVIEW = ("preview", "--expect-no-changes")
_PYTHON = Path(sys.prefix) / "bin" / "python"
AT_ONCE = 2
"""The number of stacks that are updated at the same time."""


@dataclass(frozen=True)
class Step:
    """One operation on a fleet."""

    fleet: str
    operation: str
    cost: Cost


def measure_stack(engine: Engine, folder: Path, size: int) -> Iterator[Step]:
    """Yield the operations in the life of one stack with nodes on three clouds."""
    name = f"{size} nodes"
    with open_sandbox(folder / "sandbox", engine, size + 1) as environ:
        project = Project(folder / "project", engine, environ, _PYTHON)
        shutil.copy(ROOT / "__main__.py", project.folder)
        nodes = project.folder / "nodes.yaml"
        nodes.write_text(fleet.write_nodes(size), encoding="utf-8")
        project.create_stack()
        yield Step(name, "first up", project.run(*_UP))
        yield Step(name, "unchanged preview", project.run(*_PREVIEW))
        nodes.write_text(fleet.write_nodes(size, edited=True), encoding="utf-8")
        yield Step(name, "one edit", project.run(*_UP))
        nodes.write_text(fleet.write_nodes(size + 1, edited=True), encoding="utf-8")
        yield Step(name, "one added node", project.run(*_UP))
        yield Step(name, "destroy", project.run(*_DESTROY))


def measure_stacks(engine: Engine, folder: Path, size: int, count: int) -> Iterator[Step]:
    """Yield the operations on a fleet that is divided among stacks of the same size."""
    name, stacks = f"{size} nodes in {count} stacks", [f"part-{number}" for number in range(count)]
    state = folder / "state"
    state.mkdir(parents=True)
    with open_sandbox(folder / "sandbox", engine, size) as environ:
        projects = [Project(folder / stack, engine, environ, _PYTHON, stack, state) for stack in stacks]
        for project in projects:
            shutil.copy(ROOT / "__main__.py", project.folder)
            (project.folder / "nodes.yaml").write_text(fleet.write_nodes(size, stacks=stacks), encoding="utf-8")
            project.create_stack()

        def run_all(operation: str, *command: str) -> Iterator[Step]:
            began = time.perf_counter()
            with ThreadPoolExecutor(AT_ONCE) as pool:
                costs = list(pool.map(lambda project: project.run(*command), projects))
            for stack, cost in zip(stacks, costs, strict=True):
                yield Step(name, f"{operation}, {stack}", cost)
            yield Step(name, f"{operation}, all stacks, {AT_ONCE} at a time", _add(costs, time.perf_counter() - began))

        yield from run_all("first up", *_UP)
        yield Step(name, "unchanged preview, one stack", projects[0].run(*_PREVIEW))
        text = fleet.write_nodes(size, edited=True, stacks=stacks)
        (projects[0].folder / "nodes.yaml").write_text(text, encoding="utf-8")
        yield Step(name, "one edit, its stack", projects[0].run(*_UP))
        yield from run_all("destroy", *_DESTROY)


def _add(costs: Sequence[Cost], seconds: float) -> Cost:
    return Cost(
        seconds,
        sum(cost.cpu for cost in costs),
        sum(cost.program_cpu for cost in costs),
        max(cost.program_peak for cost in costs),
        max(cost.peak for cost in costs),
    )


def write_table(steps: Sequence[Step]) -> str:
    """Return the steps as a Markdown table."""
    head = ["fleet", "operation", "time (s)", "processor time (s)", "of it the program (s)", "largest process (MiB)"]
    rows = []
    for step in steps:
        figures = (step.cost.seconds, step.cost.cpu, step.cost.program_cpu, step.cost.peak)
        rows.append([step.fleet, step.operation, *(f"{figure:.0f}" for figure in figures)])
    lines = [f"| {' | '.join(cells)} |" for cells in [head, ["---"] * len(head), *rows]]
    return "\n".join(lines) + "\n"


def measure(
    engine: Engine, folder: Path, sizes: Sequence[int], divided: Sequence[int], say: Callable[[str], None]
) -> Iterator[Step]:
    """Yield the steps of fleets in one stack, and of one in several: `divided` is its size and its number of stacks."""
    for size in sizes:
        say(f"{size} nodes in one stack")
        yield from measure_stack(engine, folder / f"one-{size}", size)
    if divided:
        size, count = divided
        say(f"{size} nodes in {count} stacks")
        yield from measure_stacks(engine, folder / "several", size, count)


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", metavar="NODES", default=[60, 300], help="fleets in one stack")
    parser.add_argument("--divided", type=int, nargs=2, metavar=("NODES", "STACKS"), default=[], help="a divided fleet")
    parser.add_argument("--output", type=Path, default=ROOT / ".build" / "benchmarks", help="folder of the results")
    chosen = parser.parse_args()
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - began:6.0f} s  {text}", flush=True)

    machine, steps = describe_machine(ROOT), list[Step]()
    chosen.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="scale-") as folder:
        for step in measure(ensure(print), Path(folder), chosen.sizes, chosen.divided, say):
            say(f"{step.operation}: {step.cost.seconds:.0f} s, {step.cost.peak:.0f} MiB")
            steps.append(step)
            results = {"machine": machine, "steps": [asdict(step) for step in steps]}
            (chosen.output / "scale.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    (chosen.output / "scale.md").write_text(write_table(steps), encoding="utf-8")
    say(f"wrote scale.json and scale.md to {chosen.output}")


if __name__ == "__main__":
    main()
