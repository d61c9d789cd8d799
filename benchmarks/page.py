"""Write the tables of docs/performance.md and of README.md from a results.json, and copy the plots to docs/performance.

python -m benchmarks.page .build/benchmarks/results.json
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.life import OPERATIONS
from benchmarks.result import Ratio
from benchmarks.table import FIGURES, LIFE, MEASUREMENT, write_table
from docs.generate.markdown import replace_between, table
from pnodes.engine.paths import ROOT
from pnodes.wording import plural

PLOTS = ("seconds", "trigger")


def write_summary(ratios: Iterable[Ratio]) -> str:
    """Return the table of the largest fleet that every program has deployed: times and ratios of each operation."""
    times = _find_life(ratios, "seconds")
    # Of larger fleets, the earlier commit has at most the first up.
    size = max(size for (_, size), programs in times.items() if programs.keys() >= LIFE.keys())
    rows = [_write_row(operation, times[operation, size]) for operation in OPERATIONS if (operation, size) in times]
    return table([f"{size} nodes on three clouds", "time", *LIFE.values()], rows)


def write_life(ratios: Iterable[Ratio], figure: str) -> str:
    """Return the table of one figure: a row for each operation and size of a fleet."""
    values = _find_life(ratios, figure)
    rows = [
        _write_row(f"{operation}, {plural(size, 'node')}", values[operation, size])
        for operation in OPERATIONS
        for size in sorted({size for _, size in values})
        if (operation, size) in values
    ]
    return table(["operation", FIGURES[figure][0], *LIFE.values()], rows)


def replace(page: Path, name: str, text: str) -> None:
    """Replace what stands between the two marks of this name."""
    begin, end = f"<!-- {name}: written by benchmarks.page -->", f"<!-- end of {name} -->"
    page.write_text(replace_between(page.read_text(encoding="utf-8"), begin, end, f"\n\n{text}\n"), encoding="utf-8")


def _find_life(ratios: Iterable[Ratio], figure: str) -> dict[tuple[str, int], dict[str, Ratio]]:
    found: dict[tuple[str, int], dict[str, Ratio]] = {}
    for ratio in ratios:
        match = MEASUREMENT.fullmatch(ratio.measurement)
        if match and match["operation"] in OPERATIONS and ratio.figure == figure:
            found.setdefault((match["operation"], int(match["size"])), {})[ratio.program] = ratio
    return found


def _write_row(name: str, ratios: dict[str, Ratio]) -> list[str]:
    own = next(iter(ratios.values()))
    cells = {program: f"{each.median:.2f} ({each.low:.2f} to {each.high:.2f})" for program, each in ratios.items()}
    if stopped := ratios.get("stopped"):
        cells["earlier"] = f"less than {stopped.high:.2f}"
    return [name, f"{own.own:.3g} {FIGURES[own.figure][1]}", *(cells.get(program, "") for program in LIFE)]


def write_pages(results: dict[str, Any], root: Path = ROOT) -> None:
    """Replace the tables in both pages."""
    ratios = [Ratio(**each) for each in results["ratios"]]
    others = [each for each in ratios if each.program not in (*LIFE, "stopped")]
    page = root / "docs" / "performance.md"
    facts = {name: value for name, value in results["machine"].items() if name != "commit"}  # a later one has this page
    tables = {
        "machine": "".join(
            f"- {name.replace('_', ' ').replace('gib', '(GiB)')}: {value}\n" for name, value in facts.items()
        )
    }
    tables |= {figure: write_life(ratios, figure) for figure in FIGURES}
    tables["others"] = write_table(each for each in others if each.figure in ("seconds", "cpu"))
    for name, text in tables.items():
        replace(page, name, text)
    replace(root / "README.md", "performance", write_summary(ratios))


if __name__ == "__main__":
    chosen = Path(sys.argv[1])
    write_pages(json.loads(chosen.read_text(encoding="utf-8")))
    target = ROOT / "docs" / "performance"
    target.mkdir(exist_ok=True)
    for plot in PLOTS:
        if (chosen.parent / f"{plot}.svg").exists():
            shutil.copy(chosen.parent / f"{plot}.svg", target)
