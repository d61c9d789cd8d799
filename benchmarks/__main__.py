"""`make bench`: measure, and write results.json and table.md; `benchmarks.plots` draws the plots."""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import commands, hashing, life, parsing, startup, trigger
from benchmarks.machine import describe_machine
from benchmarks.result import Sample, compare
from benchmarks.table import write_page
from pnodes.engine import Engine, ensure
from pnodes.engine.paths import ROOT

MEASUREMENTS = ("life", "startup", "parsing", "hashing", "trigger", "commands")


@dataclass(frozen=True)
class Scope:
    """How much is measured: fleets in nodes, files in nodes, a context in MiB, and the runs of each; `commands`: the
    fleets that the commands look at."""

    sizes: list[int]
    parsed: list[int]
    context: int
    runs: int
    commands: list[int] = field(default_factory=lambda: [3, 50])


PARSED = [10, 100, 1000, 10_000]
QUICK = Scope(sizes=[1, 10], parsed=PARSED, context=64, runs=3)
FULL = Scope(sizes=[1, 10, 60, 300], parsed=PARSED, context=1024, runs=3)


def measure(
    engine: Engine, folder: Path, scope: Scope, only: list[str], say: Callable[[str], None]
) -> Iterator[Sample]:
    """Yield the samples of the chosen measurements."""
    samples: dict[str, Callable[[], Iterator[Sample]]] = {
        "life": lambda: life.measure(engine, folder / "life", scope.sizes, scope.runs, say),
        "startup": lambda: startup.measure(engine, folder / "startup", scope.runs, say),
        "parsing": lambda: parsing.measure(folder / "parsing", scope.parsed, scope.runs, say),
        "hashing": lambda: hashing.measure(folder / "hashing", scope.context, scope.runs, say),
        "trigger": lambda: trigger.measure(folder / "trigger", scope.runs, say),
        "commands": lambda: commands.measure(engine, folder / "commands", scope.commands, scope.runs, say),
    }
    for name in only:
        yield from samples[name]()


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--full", action="store_true", help="all sizes, for a night")
    parser.add_argument("--sizes", type=int, nargs="+", metavar="NODES", help="sizes of the fleets")
    parser.add_argument("--runs", type=int, help="repetitions of each measurement")
    parser.add_argument("--context", type=int, metavar="MIB", help="size of the context that is hashed")
    parser.add_argument("--only", nargs="+", choices=MEASUREMENTS, default=MEASUREMENTS, help="measurements")
    parser.add_argument("--add", action="store_true", help="keep the other measurements in the folder of the results")
    parser.add_argument("--output", type=Path, default=ROOT / ".build" / "benchmarks", help="folder of the results")
    chosen = parser.parse_args()
    default = FULL if chosen.full else QUICK
    scope = Scope(
        chosen.sizes or default.sizes,
        default.parsed,
        chosen.context or default.context,
        chosen.runs or default.runs,
        chosen.sizes or default.commands,
    )
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - began:6.0f} s  {text}", flush=True)

    machine = describe_machine(ROOT)
    earlier = list(read_samples(chosen.output / "results.json")) if chosen.add else []
    chosen.output.mkdir(parents=True, exist_ok=True)
    samples = list[Sample]()
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
        # The files are written after each sample: what was measured in hours is not lost if the command is stopped.
        for sample in measure(ensure(print), Path(folder), scope, list(chosen.only), say):
            samples.append(sample)
            write_results(chosen.output, machine, scope, join(earlier, samples))
    say(f"wrote results.json and table.md to {chosen.output}")


def read_samples(results: Path) -> Iterator[Sample]:
    """Yield the samples of an earlier command; none if there is no such file."""
    if results.exists():
        for each in json.loads(results.read_text(encoding="utf-8"))["samples"]:
            yield Sample(**each)


def join(earlier: Sequence[Sample], samples: Sequence[Sample]) -> list[Sample]:
    """Return the samples, after those of an earlier command that measured something else."""
    measured = {sample.measurement for sample in samples}
    return [sample for sample in earlier if sample.measurement not in measured] + [*samples]


def write_results(folder: Path, machine: dict[str, Any], scope: Scope, samples: Sequence[Sample]) -> None:
    """Write results.json and table.md."""
    refused = [sample.measurement for sample in samples if "refused" in sample.figures]
    ratios = compare(samples)
    results = {
        "machine": machine,
        "scope": asdict(scope),
        "refused": refused,
        "ratios": [asdict(ratio) for ratio in ratios],
        "samples": [asdict(sample) for sample in samples],
    }
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    (folder / "table.md").write_text(write_page(ratios, machine, refused), encoding="utf-8")


if __name__ == "__main__":
    main()
