"""How jobs run on this machine: in containers where engine, registry and base images can be had, else as processes.

`auto` takes containers if it can and says in a sentence why not otherwise; `container` insists; `process` asks nothing.
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
    """Containers were asked for and cannot be had; the sentence says why not."""


@dataclass
class Choice:
    """Which executor runs, and why; `stop` ends what it started beside jobs."""

    executor: str
    reason: str
    images: Repositories[Any]
    runner: Runner
    stop: Callable[[], None]


def choose(wanted: str, home: Path, cache: Path, store: Store, network: Network) -> Choice:
    """The executor of a sandbox. Raises CannotContainError when `container` is wanted in vain."""
    if wanted == "process":
        return _processes("as asked for", home, cache, store, network)
    try:
        return _containers(home, store, network)
    except (NoEngineError, NoRegistryError, NoBaseError) as error:
        if wanted == "container":
            raise CannotContainError(str(error)) from error
        return _processes(f"not in containers, because {error}", home, cache, store, network)


def _processes(reason: str, home: Path, cache: Path, store: Store, network: Network) -> Choice:
    images = Images(home, store, cache)
    return Choice("process", reason, images, ProcessRunner(home, images, network), lambda: None)


def _containers(home: Path, store: Store, network: Network) -> Choice:
    engine = find(home)
    bases = Bases(engine)
    how = bases.available()
    registry = Registry(engine, home, store)
    registry.start()
    images = ContainerImages(engine, registry, bases, store)
    runner = ContainerRunner(engine, home, images, network)
    return Choice("container", f"{engine.name} works here, and {how}", images, runner, registry.stop)
