"""The fleets of `make scale`, and the table of what they take."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from benchmarks import fleet
from benchmarks.project import Cost
from benchmarks.scale import Step, write_table
from providers.checks import load_checked


@pytest.mark.parametrize(("count", "stacks", "shares"), [(7, 0, [7]), (6, 3, [2, 2, 2]), (7, 3, [3, 3, 1])])
def test_a_fleet_is_divided_evenly(tmp_path: Path, count: int, stacks: int, shares: list[int]) -> None:
    fleet.write_model(tmp_path)
    names = [f"part-{number}" for number in range(stacks)]
    path = tmp_path / "nodes.yaml"
    path.write_text(fleet.write_nodes(count, stacks=names))
    file = load_checked(path)
    assert list(Counter(file.owners.get(node.name) for node in file.nodes).values()) == shares


def test_the_table_has_a_line_for_each_operation() -> None:
    steps = [
        Step("60 nodes", "first up", Cost(100.4, 50, 10, 250, 300)),
        Step("60 nodes", "destroy", Cost(9, 8, 0, 0, 70)),
    ]
    assert write_table(steps).splitlines()[2:] == [
        "| 60 nodes | first up | 100 | 50 | 10 | 300 |",
        "| 60 nodes | destroy | 9 | 8 | 0 | 70 |",
    ]
