"""`make reliability ONLY=faults` or `ONLY=histories`: tries all faults or plays 200 histories, for hours.

The results of faults go to .build/reliability/faults.jsonl, a line for each; a table of them is printed.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from pathlib import Path

from tests.e2e.world import World
from tests.reliability.updates import faults, fleet

_RESULTS = Path(".build/reliability")


def main() -> None:
    """Run what the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m tests.reliability.updates", description=__doc__)
    parser.add_argument("what", choices=["faults", "histories"])
    parser.add_argument("--clouds", nargs="+", default=sorted(fleet.HOMES))
    parser.add_argument("--kinds", nargs="+", default=list(faults.KINDS))
    parser.add_argument("--histories", type=int, default=200)
    parser.add_argument("--longest", type=int, default=6)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="updates-") as folder:
        if options.what == "histories":
            play_histories(Path(folder), options.histories, options.longest)
            return
        _RESULTS.mkdir(parents=True, exist_ok=True)
        with (_RESULTS / "faults.jsonl").open("w") as file:
            for cloud in options.clouds:
                for outcome in faults.try_all(cloud, options.kinds, Path(folder)):
                    print(faults.dump(outcome), file=file, flush=True)
    print(table((_RESULTS / "faults.jsonl").read_text()))


def play_histories(folder: Path, count: int, longest: int) -> None:
    """Play random histories in one world; Hypothesis shrinks one that fails."""
    from hypothesis import HealthCheck, given, settings

    from tests.reliability.updates.histories import History, Player, histories

    player = Player(World(folder / "world", folder / "environments", "nodes: {}\n"))

    @settings(max_examples=count, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
    @given(histories(longest))
    def play(history: History) -> None:
        print(history, flush=True)
        player.play(history)
        player.destroy()

    try:
        play()
    finally:
        player.world.stop()
    print(f"{player.ups} updates")


def table(lines: str) -> str:
    """Return the table of docs/reliability.md: by cloud, operation and fault, how often it was tried and survived."""
    outcomes = [json.loads(line) for line in lines.splitlines()]
    tried = Counter((one["cloud"], one["operation"], one["fault"]) for one in outcomes)
    survived = Counter((one["cloud"], one["operation"], one["fault"]) for one in outcomes if one["survived"])
    served = Counter((one["cloud"], one["operation"], one["fault"]) for one in outcomes if one["served"])
    rows = ["| cloud | at | fault | tried | healed | rounds missed |", "| --- | --- | --- | ---: | ---: | ---: |"]
    rows += [f"| {' | '.join(key)} | {tried[key]} | {survived[key]} | {tried[key] - served[key]} |" for key in tried]
    return "\n".join(rows)


if __name__ == "__main__":
    main()
