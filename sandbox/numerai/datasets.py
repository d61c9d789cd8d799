"""The data files, each generated on disk at its first request.

Any version is accepted: `v5.3/train.parquet` and `v5.2/train.parquet` are the same file. Live files differ by round.
pandas is imported only when a file has to be written or read.
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.numerai.accounts import Refused
from sandbox.numerai.rounds import Rounds
from sandbox.numerai.tournaments import Tournament

if TYPE_CHECKING:
    import pandas as pd

VERSIONS = {Tournament.CLASSIC: "v5.3", Tournament.SIGNALS: "signals/v3.1", Tournament.CRYPTO: "crypto/v2.0"}
_PREDICTIONS = tuple(f"{part}_example_preds.{kind}" for part in ("live", "validation") for kind in ("csv", "parquet"))
FILES = {
    Tournament.CLASSIC: (
        "features.json",
        "train.parquet",
        "validation.parquet",
        "live.parquet",
        "live_benchmark_models.parquet",
        *_PREDICTIONS,
    ),
    Tournament.SIGNALS: ("train.parquet", "validation.parquet", "live.parquet", *_PREDICTIONS),
    Tournament.CRYPTO: ("train.parquet", "live.parquet"),
}

_GENERATION = 1  # increase this when the data of `generate` changes, so that old files are not used
_NAME = re.compile(r"(?:(signals|crypto)/)?v\d+(?:\.\d+)?(?:_[a-z]+)?/([a-z_]+\.[a-z]+)")


def list_files() -> list[str]:
    """Return the names of all files in their newest version."""
    return [f"{VERSIONS[tournament]}/{name}" for tournament, names in FILES.items() for name in names]


def parse_filename(filename: str) -> tuple[Tournament, str]:
    """Return the tournament of a file name, and the name without its version. Raises Refused."""
    match = _NAME.fullmatch(filename)
    tournament = Tournament(match[1] or "classic") if match else Tournament.CLASSIC
    if match is None or match[2] not in FILES[tournament]:
        files = ", ".join(f"{VERSIONS[tournament]}/{name}" for name in FILES[tournament])
        raise Refused(f"Dataset not found: there is no file {filename!r}. There are: {files} (any version).")
    return tournament, match[2]


@lru_cache(maxsize=12)
def _live_frame(tournament: Tournament, number: int, day: date) -> pd.DataFrame:
    from sandbox.numerai import generate

    return generate.live(tournament, number, day)


class Datasets:
    """The data files in a folder of the sandbox's home."""

    def __init__(self, home: Path, rounds: Rounds) -> None:
        self._folder = home / "numerai" / f"datasets-{_GENERATION}"
        self._rounds = rounds
        self._lock = threading.Lock()

    def file(self, filename: str, round_number: int | None = None) -> Path:
        """Return a file's path, and generate the file if necessary; live files are by default the current round's."""
        tournament, name = parse_filename(filename)
        stem, kind = name.split(".")
        if stem.startswith("live"):
            doc = self._rounds.find(tournament, round_number)
            if doc is None:
                raise Refused(f"Round not found: {tournament} has no round {round_number}.")
            stem = f"{stem}-{doc['number']}"
        path = self._folder / tournament.value / f"{stem}.{kind}"
        with self._lock:
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                unfinished = path.with_suffix(".part")
                self._writer(tournament, name, round_number)(unfinished)
                os.replace(unfinished, path)  # noqa: PTH105 - atomic, so the final name never belongs to an incomplete file
        return path

    def live(self, tournament: Tournament, round_number: int | None = None) -> pd.DataFrame:
        """Return the live rows of a round with their target, which cannot be downloaded."""
        doc = self._rounds.find(tournament, round_number)
        if doc is None:
            raise Refused(f"Round not found: {tournament} has no round {round_number}.")
        # A round's data are those of the last market close before it opened.
        day = date.fromisoformat(doc["open_time"][:10]) - timedelta(days=1)
        return _live_frame(tournament, doc["number"], day)

    def _writer(self, tournament: Tournament, name: str, round_number: int | None) -> Callable[[Path], Any]:
        """Return a function that writes a file with the right content in the format of the name's extension."""
        from sandbox.numerai import generate

        stem, kind = name.split(".")
        if kind == "json":
            return lambda path: path.write_text(json.dumps(self._features(), indent=2))
        part = stem.removesuffix("_example_preds")
        frame = self.live(tournament, round_number) if stem.startswith("live") else generate.history(tournament, part)
        if stem == "live_benchmark_models":
            frame = generate.benchmarks(frame)
        elif part != stem:
            frame = generate.example(tournament, frame)
        elif part == "live":
            frame = frame.drop(columns=list(generate.TARGETS[tournament]))
        if kind == "csv":
            return lambda path: frame.to_csv(path, index=frame.index.name is not None)
        return frame.to_parquet

    @staticmethod
    def _features() -> dict[str, Any]:
        """Return the content of Classic's features.json."""
        from sandbox.numerai import generate, names

        columns = list(names.CLASSIC_FEATURES)
        sets = {"small": columns[: names.SMALL], "medium": columns[: names.MEDIUM], "all": columns}
        return {"feature_sets": sets, "targets": list(generate.TARGETS[Tournament.CLASSIC])}
