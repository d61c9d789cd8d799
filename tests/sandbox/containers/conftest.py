"""Fixtures for tests with containers: a working engine, a registry, images and jobs."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.needs_containers import engine_and_bases
from tests.sandbox.containers.world import REGISTRY, World, world_of


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Start one registry for all tests of a process, so that the base image's layers are pushed only once."""
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
