"""A fixture: a kernel in a temporary home, without daemon and gateway, for tests that need no network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.cloud import Kernel
from sandbox.executor import Executor
from sandbox.functions import Functions
from sandbox.images import Images
from sandbox.network import Network
from sandbox.processes import ProcessRunner
from sandbox.store import Store


@pytest.fixture
def kernel(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    store, network = Store(tmp_path), Network(9, tmp_path / "ca.pem")
    cache = tmp_path_factory.getbasetemp() / "environments"
    images = Images(tmp_path, store, cache)
    executor = Executor(tmp_path, store, ProcessRunner(tmp_path, images, network))
    functions = Functions(tmp_path, store, network)
    yield Kernel(tmp_path, store, functions, executor, images, network)
    executor.stop()
    functions.stop()
