"""Fixtures that make worlds: a user's project folder, the real engine, and a sandbox of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.world import MakeWorld, World


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Where the jobs' Python environments are kept: shared by all workers, made once."""
    base = tmp_path_factory.getbasetemp()
    return (base if worker_id == "master" else base.parent) / "environments"


@pytest.fixture
def make_world(tmp_path: Path, environments: Path) -> Iterator[MakeWorld]:
    """Makes worlds from the text of a nodes.yaml and stops them afterwards."""
    made: list[World] = []

    def make(nodes: str, executor: str = "process") -> World:
        world = World(tmp_path / f"world-{len(made)}", environments, nodes, executor)
        made.append(world)
        return world

    yield make
    for world in made:
        world.stop()
