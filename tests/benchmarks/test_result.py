"""Ratios of samples, and the table of them."""

from __future__ import annotations

from benchmarks.result import Ratio, Sample, compare
from benchmarks.table import write_table


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
    table = write_table(
        [Ratio("preview, 1 nodes", "seconds", "flat", 4.0, 1.0, 0.5, 3.0, 3)], {"cores": 2}, ["parsing"]
    )
    assert "| preview, 1 nodes | time | 4 s | a flat program | 1.00 (0.50 to 3.00) | 3 |" in table
    assert "Machine: cores 2." in table
    assert "Refused by today's limits: parsing." in table
