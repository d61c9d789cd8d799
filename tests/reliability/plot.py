"""Draws docs/reliability.svg from a results.json: `python tests/reliability/plot.py RESULTS PICTURE`.

Runs in the environment of the benchmarks' plots, which has matplotlib and nothing of this project.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl  # type: ignore[import-not-found]  # only in the plots' environment

mpl.use("Agg")
from matplotlib import pyplot as plt


def draw(seasons: list[dict[str, Any]], picture: Path) -> None:
    """Write the picture: rounds missed and doubled in a year, for each program and multiple of the rates."""
    programs = list(dict.fromkeys(season["program"] for season in seasons))
    times = sorted({season["times"] for season in seasons})
    figure, panels = plt.subplots(1, 2, figsize=(10, 3.6), sharey=True)
    for axes, title in zip(panels, ("missed", "doubled"), strict=True):
        for index, multiple in enumerate(times):
            for place, program in enumerate(programs):
                own = [count(s, title) for s in seasons if (s["program"], s["times"]) == (program, multiple)]
                height, mean = place + 0.4 * (index - (len(times) - 1) / 2), sum(own) / len(own)
                label = f"{multiple:g} times the rates" if not place else None
                axes.barh(height, mean, 0.36, color=f"C{index}", label=label)
                axes.plot([min(own), max(own)], [height, height], color="black", linewidth=1)
                axes.text(max(own) * 1.1 + 0.15, height, f"{mean:,.1f}", va="center", fontsize="small")
        axes.set_xscale("symlog", linthresh=1)
        axes.set(title=f"rounds {title} in a year, of 13,000", xlim=(0, 20000), yticks=range(len(programs)))
        axes.set_yticklabels(programs)
        axes.invert_yaxis()
    panels[0].legend(fontsize="small", loc="lower right")
    figure.tight_layout()
    figure.savefig(picture, metadata={"Date": None})


def count(season: dict[str, Any], title: str) -> int:
    """Return a figure of a season."""
    if title == "missed":
        return int(sum(season["missed"].values()))
    return int(season["at_the_same_time"] + season["for_one_start"])


if __name__ == "__main__":
    mpl.rcParams["svg.hashsalt"] = "reliability"
    draw(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["seasons"], Path(sys.argv[2]))
