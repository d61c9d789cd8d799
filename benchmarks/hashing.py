"""The digest of a build context with a large file, changed and unchanged, against hashing the file alone."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import fleet
from benchmarks.result import Sample
from providers.images.context import BuildContext


def measure(folder: Path, mebibytes: int, runs: int, say: Callable[[str], None]) -> Iterator[Sample]:
    """Yield a sample for each run: the first digest, one after another file has changed, and one without a change."""
    fleet.write_model(folder)
    model = folder / "model"
    large = model / "weights.bin"
    with large.open("wb") as target:
        target.truncate(mebibytes * 2**20 - 4096)  # sparse; the context as a whole stays below its limit
    say(f"hashing a context of {mebibytes} MiB")
    _hash(large)
    for run in range(runs):
        os.utime(large, (run, run))  # for who caches digests, a new file
        for state in ("first", "another file changed", "unchanged"):
            if state == "another file changed":
                (model / "predict.py").write_text(f'print("run {run}")\n', encoding="utf-8")
            measurement = f"hashing {mebibytes} MiB, {state}"
            yield Sample(measurement, "this", run, {"seconds": _time(lambda: _digest(model))})
            yield Sample(measurement, "hashlib", run, {"seconds": _time(lambda: _hash(large))})


def _digest(model: Path) -> str:
    return BuildContext(model, model / "Dockerfile").digest


def _hash(file: Path) -> str:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _time(do: Callable[[], object]) -> float:
    began = time.perf_counter()
    do()
    return time.perf_counter() - began
