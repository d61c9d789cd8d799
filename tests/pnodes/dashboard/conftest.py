"""A page that is served on a port, and a browser that is started once for a module."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from selenium.webdriver import Chrome

from pnodes.dashboard import sources
from pnodes.dashboard.serve import Serving, listen
from pnodes.dashboard.watch import Watch
from tests.needs_browser import browser
from tests.pnodes.dashboard.known import Known, Serve


@pytest.fixture(scope="module")
def chrome() -> Iterator[Chrome]:
    """A browser."""
    with browser() as made:
        yield made


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Serves what is known until the test ends."""
    monkeypatch.setitem(sources.SECONDS, sources.RUNS, 0.2)
    started: list[tuple[Serving, threading.Thread]] = []

    def start(known: Known) -> Serving:
        up = threading.Event()
        watch = Watch(known.deployment(), lambda: None)
        serving = Serving(watch, listen(0), lambda _address, _once: up.set())
        thread = threading.Thread(target=serving.serve_until_stopped)
        thread.start()
        started.append((serving, thread))
        assert up.wait(30)
        return serving

    yield start
    for serving, thread in started:
        serving.should_exit = True
        thread.join(30)
        assert not thread.is_alive()
