"""Run seasons and write results, table and plot data: `python -m tests.reliability --seeds 100 --output FOLDER`.

`make reliability SEEDS=100` calls it and draws the plot. With `--page`, the figures in docs/reliability.md are replaced.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from tests.reliability.numerai_cli import NumeraiCliSeason, find_archive
from tests.reliability.page import rewrite
from tests.reliability.rates import Rates
from tests.reliability.results import Result, measure
from tests.reliability.season import Season

PROGRAMS = ("this project", "this project without its watch", "numerai-cli's Lambda")
TIMES = (1.0, 10.0)


def run_season(program: str, seed: int, times: float, nodes: int, weeks: int) -> Result:
    """Run one season of one program."""
    rates = Rates().scale(times)
    if program == PROGRAMS[2]:
        season: Season = NumeraiCliSeason(seed, rates, nodes, weeks)
    else:
        season = Season(seed, rates, nodes, weeks, watched=program == PROGRAMS[0])
    season.run()
    return measure(season, program, seed, times)


def main() -> int:
    """Run the seasons of all programs; exit with 1 if a round was doubled, or missed without an outage."""
    parser = argparse.ArgumentParser(prog="python -m tests.reliability", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--nodes", type=int, default=50)
    parser.add_argument("--weeks", type=int, default=52)
    parser.add_argument("--times", type=float, nargs="+", default=TIMES, help="multiples of the published rates")
    parser.add_argument("--output", type=Path, default=Path(".build/reliability"))
    parser.add_argument("--page", action="store_true", help="rewrite the figures in docs/reliability.md")
    chosen = parser.parse_args()
    programs = PROGRAMS if find_archive() else PROGRAMS[:2]
    wanted = [
        (program, seed, times, chosen.nodes, chosen.weeks)
        for times in chosen.times
        for seed in range(1, chosen.seeds + 1)
        for program in programs
    ]
    results, began = [], time.monotonic()
    # A new process for each season: a season leaves its threads behind.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=context, max_tasks_per_child=1) as pool:
        for done in as_completed([pool.submit(run_season, *arguments) for arguments in wanted]):
            results.append(result := done.result())
            share = f"{len(results)}/{len(wanted)}, {time.monotonic() - began:.0f} s"
            print(f"{share}: {result.describe()}", flush=True)
            for example in result.examples:
                print(f"    {example}", flush=True)
    results.sort(key=lambda result: (result.times, programs.index(result.program), result.seed))
    chosen.output.mkdir(parents=True, exist_ok=True)
    recorded = {"nodes": chosen.nodes, "weeks": chosen.weeks, "seasons": [result.write() for result in results]}
    (chosen.output / "results.json").write_text(json.dumps(recorded, indent=1) + "\n", encoding="utf-8")
    if chosen.page:
        rewrite(results)
    return 1 if any(result.broken for result in results if result.program == PROGRAMS[0]) else 0


if __name__ == "__main__":
    sys.exit(main())
