"""How tests are shared among pytest's workers: those with the real engine first and each by itself, others by file.

A test with the engine takes a minute, a file of others a second or a few: begun last, the former would leave all
workers but one without anything to do. Files whose tests share what was set up for the file stay together.
"""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

# Assertions in helper modules show their values, as those in test modules do.
HERE = Path(__file__)
pytest.register_assert_rewrite(*(f"tests.{path.stem}" for path in HERE.parent.iterdir() if path != HERE))

# A shell without job control starts what it sends to the background with Ctrl-C ignored, and every child inherits that:
# tests that interrupt a program would wait in vain.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The real engine's tests to the front, and a group for every test that has none."""
    items.sort(key=lambda item: item.get_closest_marker("e2e") is None)
    for item in items:
        if item.get_closest_marker("xdist_group") is None and item.get_closest_marker("e2e") is None:
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))
