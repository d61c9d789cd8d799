"""One stood-in cloud on the sandbox's network, without the daemon: a gateway, functions and jobs that reach it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from sandbox.authority import Authority
from sandbox.cloud import Cloud, Kernel
from sandbox.executor import Executor
from sandbox.functions import Functions
from sandbox.gateway import Gateway
from sandbox.images import Images
from sandbox.network import Network
from sandbox.processes import ProcessRunner

AnyCloud = TypeVar("AnyCloud", bound=Cloud)


@contextmanager
def networked(kernel: Kernel, home: Path, make: Callable[[Kernel], AnyCloud]) -> Iterator[tuple[AnyCloud, Network]]:
    """The cloud that `make` gives, answering for its hosts; all of its processes are stopped at the end."""
    authority = Authority(home)
    clouds: list[AnyCloud] = []
    gateway = Gateway(authority, lambda host: clouds[0].app if clouds[0].owns(host) else None)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(gateway.start(), loop).result(10)
    network = Network(gateway.port, authority.ca_file)
    kernel.executor.stop()
    kernel.network = network
    kernel.functions = Functions(home, kernel.store, network)
    assert isinstance(kernel.images, Images)
    kernel.executor = Executor(home, kernel.store, ProcessRunner(home, kernel.images, network))
    clouds.append(make(kernel))
    try:
        yield clouds[0], network
    finally:
        kernel.executor.stop()
        kernel.functions.stop()
        asyncio.run_coroutine_threadsafe(gateway.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
