"""Writes the figures of docs/reliability.md: the tables between its markers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from docs.generate.markdown import replace_between
from pnodes.engine.paths import ROOT
from tests.reliability.programs import NUMERAI_CLI, RESCUE, WATCH, WEBHOOK
from tests.reliability.rates import describe, format_rate
from tests.reliability.results import MODEL, NUMERAI_DOWN, REGION_DOWN, STORAGE_DOWN, Result

PAGE = ROOT / "docs" / "reliability.md"
_ABOUT = {
    RESCUE: "this project, every node with a rescue in the next cloud",
    WATCH: "this project without rescue",
    WEBHOOK: "this project with `watch: false`",
    NUMERAI_CLI: "numerai-cli's Lambda",
}
_FAULTS = {
    "webhook lost": ("webhook lost",),
    "webhook late": ("webhook late",),
    "webhook sent twice": ("webhook twice",),
    "function not called": ("function not called",),
    "function died between two steps": ("function died",),
    "function's region down when called": ("function down",),
    "scheduler called twice": ("pass twice",),
    "storage: 429, 500 or 503, no effect or an effect": ("store 429", "store 503", "store 500 with effect"),
    "storage: no answer, with an effect": ("store lost with effect",),
    "storage down": ("store down",),
    "compute API: 429, 500 or 503": ("compute 429", "compute 503", "compute 500 with effect"),
    "compute API: no answer, with an effect": ("compute lost with effect",),
    "compute down": ("compute down",),
    "secret store: errors and lost answers": (
        *("secrets 429", "secrets 503", "secrets 500 with effect", "secrets lost", "secrets lost with effect"),
        "secrets down",
    ),
    "no answer and no effect (storage, compute)": ("store lost", "compute lost"),
    "job never starts": ("job no start",),
    "job's machine lost": ("job lost",),
    "job hangs": ("job hangs",),
    "job slow": ("job slow",),
    "model fails": ("job crashes",),
    "Numerai's answer is an error or nonsense": ("Numerai's error",),
    "Numerai down when asked or at an upload": ("Numerai down", "upload while Numerai is down"),
}
_CAUSES = {
    "compute down": REGION_DOWN,
    "storage down": STORAGE_DOWN,
    "model fails": MODEL,
    "Numerai down when asked or at an upload": NUMERAI_DOWN,
}


def rewrite(results: list[Result], command: str) -> None:
    """Replace the tables."""
    text = PAGE.read_text(encoding="utf-8")
    for name, table in (
        ("rates", write_rates()),
        ("results", write_results(results, command)),
        ("causes", write_causes(results)),
        ("faults", write_faults(results)),
    ):
        begin, end = f"<!-- {name}: written by the command -->", f"<!-- end of {name} -->"
        text = replace_between(text, begin, end, f"\n\n{table}\n")
    PAGE.write_text(text, encoding="utf-8")


def write_rates() -> str:
    """Return the table of the fault model."""
    rows = []
    for name, about in describe().items():
        source = about.source if about.scaled else f"{about.source}; not multiplied"
        rows.append(f"| {about.text} | {format_rate(name)} {about.unit} | {source} |")
    return _write_table("| what fails | rate | source |", rows)


def write_results(results: list[Result], command: str) -> str:
    """Return the table of programs, with the sums over all seeds."""
    rows = []
    for times, program in _list_kinds(results):
        own = [result for result in results if (result.times, result.program) == (times, program)]
        figures = (
            sum(result.rounds for result in own),
            sum(result.missed.total() for result in own),
            sum(result.late for result in own),
            sum(result.at_the_same_time for result in own),
            sum(result.for_one_start for result in own),
            sum(result.beside_late + result.beside_silent for result in own),
        )
        cells = " | ".join(f"{figure:,}" for figure in figures)
        rows.append(f"| {times:g} | {_ABOUT[program]} | {cells} |")
    seeds = len({result.seed for result in results})
    head = "| rates times | program | rounds | missed | of them late |"
    head += " two runs at once | two jobs for one start | rescue beside a run |"
    return f"Seeds 1 to {seeds}, from `{command}`:\n\n{_write_table(head, rows)}"


def write_causes(results: list[Result]) -> str:
    """Return the causes of the rounds that the watch missed."""
    rows = []
    for times, program in _list_kinds(results):
        if program in (RESCUE, WATCH):
            causes = _sum(r.missed for r in results if (r.times, r.program) == (times, program))
            rows += [
                f"| {times:g} | {_ABOUT[program]} | {cause} | {number:,} |" for cause, number in causes.most_common()
            ]
    return _write_table("| rates times | program | cause | rounds |", rows) if rows else "No round was missed.\n"


def write_faults(results: list[Result]) -> str:
    """Return the table of faults at the highest rates, for the most complete program."""
    times, program = max(_list_kinds(results), key=lambda kind: (kind[0], kind[1] == RESCUE, kind[1] == WATCH))
    own = [result for result in results if (result.times, result.program) == (times, program)]
    tried, missed = _sum(result.tried for result in own), _sum(result.missed for result in own)
    rows = []
    for name, keys in _FAULTS.items():
        number, lost = sum(tried[key] for key in keys), missed[_CAUSES.get(name, "")]
        rows.append(f"| {name} | {number:,} | {number - lost:,} | {lost:,} |")
    other = missed.total() - sum(missed[cause] for cause in _CAUSES.values())
    rows.append(f"| several of these together | | | {other:,} |")
    head = "| fault | times tried | times survived | rounds lost |"
    return f"At {times:g} times the rates, {_ABOUT[program]}:\n\n{_write_table(head, rows)}"


def _list_kinds(results: Iterable[Result]) -> list[tuple[float, str]]:
    return list(dict.fromkeys((result.times, result.program) for result in results))


def _sum(counters: Iterable[Counter[str]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for counter in counters:
        total.update(counter)
    return total


def _write_table(head: str, rows: list[str]) -> str:
    line = "|" + " --- |" * (head.count("|") - 1)
    return "\n".join([head, line, *rows]) + "\n"
