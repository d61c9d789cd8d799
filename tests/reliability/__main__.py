"""Run seasons and write their results: `python -m tests.reliability --seeds 100 --output FOLDER`.

`make reliability ONLY=season SEEDS=100` calls it and draws the plot. With `--page`, it replaces the figures in
docs/reliability.md.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import time
from pathlib import Path

from tests.reliability.page import rewrite
from tests.reliability.programs import list_programs, run_one
from tests.reliability.results import Result

TIMES = (1.0, 10.0)


def main() -> int:
    """Run the seasons of all programs; exit with 1 if a round was doubled, or missed without an outage."""
    parser = argparse.ArgumentParser(prog="python -m tests.reliability", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--nodes", type=int, default=50)
    parser.add_argument("--weeks", type=int, default=52)
    parser.add_argument("--times", type=float, nargs="+", default=TIMES, help="multiples of the published rates")
    parser.add_argument("--output", type=Path, default=Path(".build/reliability"))
    parser.add_argument("--page", action="store_true", help="rewrite the figures in docs/reliability.md")
    parser.add_argument("--results", type=Path, help="read a results.json instead of running seasons")
    chosen = parser.parse_args()
    if chosen.results:
        seasons = [Result.read(each) for each in json.loads(chosen.results.read_text(encoding="utf-8"))["seasons"]]
        rewrite(seasons, f"make reliability ONLY=season SEEDS={max(each.seed for each in seasons)}")
        return 0
    programs = list_programs()
    wanted = [
        (program, seed, times, chosen.nodes, chosen.weeks)
        for times in chosen.times
        for seed in range(1, chosen.seeds + 1)
        for program in programs
    ]
    results, began = [], time.monotonic()
    # A new process for each season: a season leaves its threads behind.
    context = multiprocessing.get_context("spawn")
    with context.Pool(maxtasksperchild=1) as pool:
        for result in pool.imap_unordered(run_one, wanted):
            results.append(result)
            share = f"{len(results)}/{len(wanted)}, {time.monotonic() - began:.0f} s"
            print(f"{share}: {result.describe()}", flush=True)
            for example in result.examples:
                print(f"    {example}", flush=True)
    results.sort(key=lambda result: (result.times, programs.index(result.program), result.seed))
    chosen.output.mkdir(parents=True, exist_ok=True)
    recorded = {"nodes": chosen.nodes, "weeks": chosen.weeks, "seasons": [result.write() for result in results]}
    (chosen.output / "results.json").write_text(json.dumps(recorded, indent=1) + "\n", encoding="utf-8")
    if chosen.page:
        rewrite(results, f"make reliability ONLY=season SEEDS={chosen.seeds}")
    return 1 if any(result.broken for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
