"""Ratios of samples, and the table of them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from benchmarks.__main__ import join, read_samples
from benchmarks.result import Ratio, Sample, compare
from benchmarks.table import write_page


def sample(program: str, run: int, seconds: float) -> Sample:
    return Sample("preview, 1 nodes", program, run, {"seconds": seconds, "cpu": 0.0})


def test_a_ratio_compares_values_of_the_same_run() -> None:
    own, other = [2.0, 4.0, 9.0], [4.0, 4.0, 3.0]
    samples = [sample("this", run, value) for run, value in enumerate(own)]
    samples += [sample("flat", run, value) for run, value in enumerate(other)]
    (ratio,) = compare(samples)
    assert ratio == Ratio("preview, 1 nodes", "seconds", "flat", 4.0, 1.0, 0.5, 3.0, 3)


def test_a_run_that_only_one_program_did_is_left_out() -> None:
    assert compare([sample("this", 0, 1.0), sample("flat", 1, 1.0)]) == []


def test_the_table_shows_the_ratio_with_its_range() -> None:
    table = write_page([Ratio("preview, 1 nodes", "seconds", "flat", 4.0, 1.0, 0.5, 3.0, 3)], {"cores": 2}, ["parsing"])
    assert "| preview, 1 nodes | time | 4 s | a flat program | 1.00 (0.50 to 3.00) | 3 |" in table
    assert "Machine: cores 2." in table
    assert "Refused by today's limits: parsing." in table


def test_another_measurement_of_an_earlier_command_is_kept(tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    assert list(read_samples(results)) == []
    kept, new = Sample("destroy, 1 nodes", "this", 0, {"seconds": 5.0}), sample("this", 0, 1.0)
    results.write_text(json.dumps({"samples": [asdict(each) for each in (kept, sample("this", 0, 2.0))]}))
    assert join(list(read_samples(results)), [new]) == [kept, new]
