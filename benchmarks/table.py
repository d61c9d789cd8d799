"""The results as a Markdown table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from benchmarks.result import Ratio

MEASUREMENT = re.compile(r"(?P<operation>.+), (?P<size>\d+) nodes")
"""The name of a measurement that depends on the number of nodes."""
LIFE = {"earlier": "commit 876a2ed", "flat": "a flat program", "floor": "the engine's floor"}
PROGRAMS = {
    **LIFE,
    "stopped": "commit 876a2ed, which was stopped",
    "bare": "one bare resource",
    "engine": "the engine alone",
    "yaml": "PyYAML alone",
    "hashlib": "SHA-256 alone",
    "numerai-cli": "numerai-cli's Lambda",
    "empty": "an empty function",
}
FIGURES = {
    "seconds": ("time", "s"),
    "cpu": ("processor time, all", "s"),
    "program_cpu": ("processor time, program", "s"),
    "program_peak": ("peak memory, program", "MiB"),
    "peak": ("peak memory, largest process", "MiB"),
}


def write_table(ratios: Iterable[Ratio]) -> str:
    """Return a row for each of this program's ratios to another one (below 1 is better)."""
    lines = [
        "| measurement | figure | this program | compared with | ratio | runs |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for ratio in ratios:
        value = f"{ratio.median:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"
        figure, unit = FIGURES[ratio.figure]
        own = f"{ratio.own:.3g} {unit}"
        row = [ratio.measurement, figure, own, PROGRAMS[ratio.program], value, str(ratio.runs)]
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join([*lines, ""])


def write_page(ratios: Iterable[Ratio], machine: Mapping[str, str | int | float], refused: Iterable[str]) -> str:
    """Return the page with all ratios: the machine, then the table."""
    facts = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in machine.items())
    lines = [
        "# Benchmarks",
        "",
        f"Machine: {facts}.",
        "",
        "Each figure is this program's value divided by the other one's in the same run: median (lowest to highest)",
        "over the runs. Below 1, this program is faster or smaller.",
        "",
        write_table(ratios),
    ]
    lines += [f"Refused by today's limits: {', '.join(refused)}.\n"] if (refused := list(refused)) else []
    return "\n".join(lines)
