"""Draw plots of a results.json, as PNG and SVG: `python -m benchmarks.plots results.json` in the plots' environment.

For each operation on a fleet and each program that it is compared with: the ratio over the number of nodes. For the
triggers: the ratios on each cloud.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl  # type: ignore[import-not-found]  # only in the plots' environment

mpl.use("Agg")
from matplotlib import pyplot as plt

from benchmarks.table import LIFE, MEASUREMENT

FIGURES = {"seconds": "time", "program_cpu": "processor time of the program", "program_peak": "memory of the program"}


def draw(ratios: list[dict[str, Any]], figure: str, folder: Path) -> None:
    """Write one picture: a panel for each program, a line for each operation."""
    lines: dict[str, dict[str, list[tuple[int, dict[str, Any]]]]] = {}
    for ratio in ratios:
        match = MEASUREMENT.fullmatch(ratio["measurement"])
        if match and ratio["figure"] == figure and ratio["program"] in LIFE:
            panel = lines.setdefault(ratio["program"], {})
            panel.setdefault(match["operation"], []).append((int(match["size"]), ratio))
    if not lines:
        return
    picture, panels = plt.subplots(1, len(lines), figsize=(5 * len(lines), 4), squeeze=False)
    for axes, (program, operations) in zip(panels[0], lines.items(), strict=True):
        for operation, points in operations.items():
            sizes, values = zip(*sorted(points, key=lambda point: point[0]), strict=True)
            below = [value["median"] - value["low"] for value in values]
            above = [value["high"] - value["median"] for value in values]
            medians = [value["median"] for value in values]
            axes.errorbar(sizes, medians, yerr=[below, above], marker="o", capsize=3, label=operation)
        axes.axhline(1, color="grey", linewidth=0.8)
        axes.set(
            xscale="log", xlabel="nodes", ylabel="ratio (below 1 is better)", title=f"compared with {LIFE[program]}"
        )
        axes.set_xticks(sizes := sorted({size for points in operations.values() for size, _ in points}), sizes)
        axes.minorticks_off()
    panels[0][0].legend(fontsize="small")
    picture.suptitle(f"Ratio of {FIGURES[figure]}: median and range over the runs")
    save(picture, folder, figure.replace("_", "-"))


def draw_triggers(ratios: list[dict[str, Any]], folder: Path) -> None:
    """Write the picture of the triggers: a panel for each figure, a bar for each measurement."""
    taken = [ratio for ratio in ratios if ratio["program"] == "numerai-cli"]
    if not taken:
        return
    figures = {"seconds": "time", "cpu": "processor time"}
    picture, panels = plt.subplots(1, len(figures), figsize=(10, 4), sharey=True, squeeze=False)
    for axes, (figure, title) in zip(panels[0], figures.items(), strict=True):
        bars = [ratio for ratio in reversed(taken) if ratio["figure"] == figure]
        medians = [bar["median"] for bar in bars]
        below = [bar["median"] - bar["low"] for bar in bars]
        above = [bar["high"] - bar["median"] for bar in bars]
        names = [bar["measurement"].removeprefix("trigger on ") for bar in bars]
        axes.barh(names, medians, xerr=[below, above], capsize=3)
        axes.axvline(1, color="grey", linewidth=0.8)
        axes.set(xlabel="ratio (below 1 is better)", title=title)
    picture.suptitle("Triggers compared with numerai-cli's Lambda: median and range over the runs")
    save(picture, folder, "trigger")


def save(picture: Any, folder: Path, name: str) -> None:
    """Write a picture in both formats."""
    picture.tight_layout()
    for format_ in ("png", "svg"):
        # No date, so that the same results give the same file.
        picture.savefig(folder / f"{name}.{format_}", metadata={"Date": None} if format_ == "svg" else {})
    plt.close(picture)


if __name__ == "__main__":
    results = Path(sys.argv[1])
    mpl.rcParams["svg.hashsalt"], mpl.rcParams["svg.fonttype"] = "benchmarks", "none"
    recorded = json.loads(results.read_text(encoding="utf-8"))
    for name in FIGURES:
        draw(recorded["ratios"], name, results.parent)
    draw_triggers(recorded["ratios"], results.parent)
