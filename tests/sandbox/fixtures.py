"""A kernel in a temporary home, without daemon and gateway, for tests that need no network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sandbox.cloud import Kernel
from sandbox.executor import Executor
from sandbox.functions import Functions
from sandbox.images import Images
from sandbox.network import Network
from sandbox.processes import ProcessRunner
from sandbox.store import Store


@contextmanager
def open_kernel(home: Path, cache: Path) -> Iterator[Kernel]:
    """Yield a kernel; `cache` is the folder of the jobs' environments."""
    store, network = Store(home), Network(9, home / "ca.pem")
    images = Images(home, store, cache)
    executor = Executor(home, store, ProcessRunner(home, images, network))
    functions = Functions(home, store, network)
    yield Kernel(home, store, functions, executor, images, network)
    executor.stop()
    functions.stop()


@pytest.fixture
def kernel(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with open_kernel(tmp_path, tmp_path_factory.getbasetemp() / "environments") as opened:
        yield opened
