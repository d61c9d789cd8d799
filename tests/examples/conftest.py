"""A Numerai that programs of any language reach under its real name: through the sandbox's gateway, with TLS."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.authority import Authority
from sandbox.gateway import Gateway
from sandbox.network import Network
from sandbox.numerai.app import Numerai
from sandbox.store import Store


@dataclass
class Kernel:
    """The part of the sandbox's kernel that Numerai uses."""

    home: Path
    store: Store
    network: Network


@dataclass
class Reachable:
    """A Numerai, and the environment in which a process reaches it and nothing else."""

    numerai: Numerai
    environment: dict[str, str]


@pytest.fixture
def reachable(tmp_path: Path) -> Iterator[Reachable]:
    home = tmp_path / "home"
    home.mkdir()
    authority, store = Authority(home), Store(home)
    numerai: list[Numerai] = []
    gateway = Gateway(authority, lambda host: numerai[0].app if numerai[0].owns(host) else None)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(gateway.start(), loop).result(10)
    network = Network(gateway.port, authority.ca_file)
    numerai.append(Numerai(Kernel(home, store, network), lambda _url, _body: (202, 0.01, "{}")))
    try:
        yield Reachable(numerai[0], network.environment("job/test"))
    finally:
        asyncio.run_coroutine_threadsafe(gateway.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
        store.close()
