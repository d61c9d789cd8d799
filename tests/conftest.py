"""How tests are shared among pytest's workers: those with the real engine first and each by itself, others by file.

A test with the engine takes a minute, a file of others a second or a few: begun last, the former would leave all
workers but one without anything to do. For the same reason, the longest tests with the engine, marked `long`, are the
first. Files whose tests share what was set up for the file stay together.
"""

from __future__ import annotations

import atexit
import gc
import os
import signal
from pathlib import Path

import pytest

# Assertions in helper modules show their values, as those in test modules do.
HERE = Path(__file__)
pytest.register_assert_rewrite(*(f"tests.{path.stem}" for path in HERE.parent.iterdir() if path != HERE))

# The clouds' SDKs are some hundred thousand objects that stay. With Python's usual thresholds, looking for garbage
# among them takes a third of the time of all tests without the engine. pytest itself collects garbage at its end, so
# that the exit need not search once more.
gc.set_threshold(100_000, 50, 100)
atexit.register(gc.freeze)

# Hypothesis would import trio, which selenium brings, and search all objects for who holds trio's random numbers.
os.environ.setdefault("HYPOTHESIS_NO_PLUGINS", "1")

# A shell without job control starts what it sends to the background with Ctrl-C ignored, and every child inherits that:
# tests that interrupt a program would wait in vain.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


# CI runs the tests twice, as on a new machine and with all tools, but none that has passed there once more. It notes
# the names of the tests that have passed, and the files with others.
NOTE_PASSED, SKIP_PASSED = (os.environ.get(f"PNODES_{what}_PASSED") for what in ("NOTE", "SKIP"))
NOTED = set(Path(SKIP_PASSED).read_text(encoding="utf-8").splitlines()) if SKIP_PASSED else set()
DONE = {
    HERE.parents[1] / name.partition("::")[0] for name in NOTED if "::" in name and name.partition("::")[0] not in NOTED
}


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Do not import a file whose tests have all passed."""
    return True if collection_path in DONE else None


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in the same hook
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The real engine's tests to the front, the longest first, and a group for every test that has none."""
    if NOTED:
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid in NOTED])
        items[:] = [item for item in items if item.nodeid not in NOTED]
    items.sort(key=lambda item: [item.get_closest_marker(marker) is None for marker in ("e2e", "long")])
    for item in items:
        if item.get_closest_marker("xdist_group") is None and item.get_closest_marker("e2e") is None:
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note the name of a test that has passed, else that of its file; xdist puts the group behind the name."""
    if NOTE_PASSED and "PYTEST_XDIST_WORKER" not in os.environ and (report.when == "call" or not report.passed):
        file = report.nodeid.partition("::")[0]
        name = report.nodeid.removesuffix(f"@{file}") if report.passed else file
        with Path(NOTE_PASSED).open("a", encoding="utf-8") as noted:
            noted.write(f"{name}\n")
