"""A Numerai on loopback, and numerapi clients that talk to it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from numerapi import base_api

from sandbox.network import Network
from sandbox.numerai.app import Numerai
from sandbox.store import Store
from tests.sandbox.networked import NumeraiKernel
from tests.sandbox.numerai.world import World


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Start a server in front of `served`, for a Numerai that the test creates."""
    for name in ("TRIGGER_ID", "NUMERAI_PUBLIC_ID", "NUMERAI_SECRET_KEY", "NUMERAI_COMPUTE_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    store = Store(tmp_path / "home")
    yield World(NumeraiKernel(tmp_path / "home", store, Network(0, tmp_path / "no-ca.pem")))
    store.close()


@pytest.fixture
def numerai(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Numerai]:
    """Create a Numerai that numerapi can reach."""
    listener = socket.create_server(("127.0.0.1", 0))  # from here on a request waits for the server
    world.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    served = world.boot()
    server = uvicorn.Server(uvicorn.Config(served.app, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    monkeypatch.setattr(base_api, "API_TOURNAMENT_URL", world.url)
    yield served
    server.should_exit = True
    thread.join(timeout=10)
    listener.close()
