"""Chooses whether jobs run in containers or as processes. Containers need an engine, a registry and base images.

`auto` uses containers if they are available, and otherwise gives the reason; `container` requires them; `process` does
not look for them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.containers.base import Bases, NoBaseError
from sandbox.containers.engine import NoEngineError, find
from sandbox.containers.images import ContainerImages
from sandbox.containers.registry import NoRegistryError, Registry
from sandbox.containers.runner import ContainerRunner
from sandbox.executor import Runner
from sandbox.images import Images, Repositories
from sandbox.network import Network
from sandbox.processes import ProcessRunner
from sandbox.store import Store

CHOICES = ("auto", "container", "process")


class CannotContainError(Exception):
    """Containers were requested but are not available; the message gives the reason."""


@dataclass
class Choice:
    """The chosen executor with the reason; `stop` stops its other processes, such as the registry."""

    executor: str
    reason: str
    images: Repositories[Any]
    runner: Runner
    stop: Callable[[], None]


def choose(executor: str, home: Path, cache: Path, store: Store, network: Network) -> Choice:
    """Choose the executor of a sandbox. Raises CannotContainError if `container` is not available."""
    if executor == "process":
        return _use_processes("as requested", home, cache, store, network)
    try:
        return _use_containers(home, store, network)
    except (NoEngineError, NoRegistryError, NoBaseError) as error:
        if executor == "container":
            raise CannotContainError(str(error)) from error
        return _use_processes(f"containers are not available, because {error}", home, cache, store, network)


def _use_processes(reason: str, home: Path, cache: Path, store: Store, network: Network) -> Choice:
    images = Images(home, store, cache)
    return Choice("process", reason, images, ProcessRunner(home, images, network), lambda: None)


def _use_containers(home: Path, store: Store, network: Network) -> Choice:
    engine = find(home)
    bases = Bases(engine)
    base_images = bases.available()
    registry = Registry(engine, home, store)
    registry.start()
    images = ContainerImages(engine, registry, bases, store)
    runner = ContainerRunner(engine, home, images, network)
    return Choice("container", f"{engine.name} works here, and {base_images}", images, runner, registry.stop)
