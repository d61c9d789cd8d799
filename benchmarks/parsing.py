"""Reading and checking nodes.yaml with 10 to 10,000 nodes, against the YAML library's own loader."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import yaml

from benchmarks import fleet
from benchmarks.result import Sample
from nodefile import parse


def measure(folder: Path, sizes: list[int], runs: int, say: Callable[[str], None]) -> Iterator[Sample]:
    """Yield a sample for each size and run; say which sizes are refused, and why."""
    fleet.write_model(folder)
    file = folder / "nodes.yaml"
    for size in sizes:
        text = fleet.write_nodes(size)
        file.write_text(text, encoding="utf-8")
        measurement = f"parsing {size} nodes"
        _, problems = parse(file)
        if problems:
            say(f"{measurement}: refused: {problems[0].message}")
            yield Sample(measurement, "this", 0, {"refused": 1.0})
            continue
        for run in range(runs):
            yield Sample(measurement, "this", run, {"seconds": _time(partial(parse, file))})
            yield Sample(measurement, "yaml", run, {"seconds": _time(partial(yaml.safe_load, text))})


def _time(do: Callable[[], object]) -> float:
    began = time.perf_counter()
    do()
    return time.perf_counter() - began
