"""Fixtures that create worlds: a user's project folder, the real engine and a sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.world import MakeWorld, World


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Return the folder of the jobs' Python environments, which all workers share."""
    base = tmp_path_factory.getbasetemp()
    return (base if worker_id == "master" else base.parent) / "environments"


@pytest.fixture
def make_world(tmp_path: Path, environments: Path) -> Iterator[MakeWorld]:
    """Return a function that creates worlds from the text of a nodes.yaml; stop them after the test."""
    worlds: list[World] = []

    def make(nodes: str, executor: str = "process") -> World:
        world = World(tmp_path / f"world-{len(worlds)}", environments, nodes, executor)
        worlds.append(world)
        return world

    yield make
    for world in worlds:
        world.stop()
