"""Fixtures: a server for the page, and a browser that starts once per module."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from selenium.webdriver import Chrome

from pnodes.dashboard import sources
from pnodes.dashboard.serve import Serving, listen
from pnodes.dashboard.watch import Watch
from tests.needs_browser import browser
from tests.pnodes.dashboard.fake_world import FakeWorld, Serve


@pytest.fixture(scope="module")
def chrome() -> Iterator[Chrome]:
    """Start a browser."""
    with browser() as chrome:
        yield chrome


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Return a function that serves a world's page until the test ends."""
    for kind in (sources.RUNS, sources.HISTORY):
        monkeypatch.setitem(sources.SECONDS, kind, 0.2)
    started: list[tuple[Serving, threading.Thread]] = []

    def start(world: FakeWorld) -> Serving:
        ready = threading.Event()
        watch = Watch(world.deployment(), lambda: None)
        serving = Serving(watch, listen(0), lambda _address, _one_time_address: ready.set())
        thread = threading.Thread(target=serving.serve_until_stopped)
        thread.start()
        started.append((serving, thread))
        assert ready.wait(30)
        return serving

    yield start
    for serving, thread in started:
        serving.should_exit = True
        thread.join(30)
        assert not thread.is_alive()
