"""The tables of docs/performance.md and README.md, from the ratios of a run."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from benchmarks.page import write_life, write_pages, write_summary
from benchmarks.result import Ratio
from pnodes.engine.paths import ROOT

RATIOS = [
    Ratio(f"first up, {size} nodes", "seconds", program, own, median, median - 0.01, median + 0.01, 3)
    for size, own in ((60, 40.0), (300, 400.0))
    for program, median in (("stopped" if size == 300 else "earlier", 0.2), ("flat", 1.05), ("floor", 2.5))
]


def test_the_summary_takes_the_largest_fleet_that_all_have_deployed() -> None:
    lines = write_summary(RATIOS).splitlines()
    assert lines[0] == "| 60 nodes on three clouds | time | commit 876a2ed | a flat program | the engine's floor |"
    assert lines[2:] == ["| first up | 40 s | 0.20 (0.19 to 0.21) | 1.05 (1.04 to 1.06) | 2.50 (2.49 to 2.51) |"]


def test_a_program_that_was_stopped_has_a_bound() -> None:
    lines = write_life(RATIOS, "seconds").splitlines()
    assert [line.split(" | ")[:3] for line in lines[2:]] == [
        ["| first up, 60 nodes", "40 s", "0.20 (0.19 to 0.21)"],
        ["| first up, 300 nodes", "400 s", "less than 0.21"],
    ]


def test_the_pages_have_a_place_for_each_table(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    for name in ("README.md", "docs/performance.md"):
        (tmp_path / name).write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")
    other = Ratio("parsing 10 nodes", "seconds", "yaml", 0.01, 3.0, 3.0, 3.0, 3)
    results = {"machine": {"cores": 64}, "ratios": [asdict(each) for each in [*RATIOS, other]]}
    write_pages(results, tmp_path)
    page = (tmp_path / "docs" / "performance.md").read_text(encoding="utf-8")
    assert "- cores: 64\n" in page
    assert "| parsing 10 nodes | time | 0.01 s | PyYAML alone | 3.00 (3.00 to 3.00) | 3 |" in page
    assert page.count("less than 0.21") == 1
    assert "| first up | 40 s |" in (tmp_path / "README.md").read_text(encoding="utf-8")
