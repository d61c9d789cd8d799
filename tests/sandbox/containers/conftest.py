"""A world of containers: an engine that works, a registry with what was pushed, images, and jobs that run from them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.needs_containers import engine_and_bases
from tests.sandbox.containers.world import REGISTRY, World, world_of


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One registry for all tests of a process: the layers of the base are pushed to it once."""
    home = tmp_path_factory.mktemp("containers")
    engine, bases = engine_and_bases(home)
    made = world_of(home, engine, bases)
    yield made
    made.executor.stop()
    for repository in {key.split("@")[0] for key in made.store.all("images")}:
        made.images.delete_repository(repository)
    made.registry.stop()


@pytest.fixture
def world(shared: World) -> World:
    return replace(shared, repository=f"{REGISTRY}/alpha-{uuid.uuid4().hex[:8]}", log=[])
