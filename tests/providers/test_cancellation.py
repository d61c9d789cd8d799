"""The hook in Pulumi's host for dynamic resources: Cancel is heard, and more than four builds go on at a time."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any

import pytest
from google.protobuf import empty_pb2

from providers import cancellation


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A main module as `python -m pulumi.dynamic` has it."""
    main = ModuleType("__main__")
    exec(  # noqa: S102 - the method must have the module's own names
        "from google.protobuf import empty_pb2\n"
        "class DynamicResourceProviderServicer:\n"
        "    def Cancel(self, request, context):\n"
        "        return empty_pb2.Empty()\n",
        main.__dict__,
    )
    monkeypatch.setitem(sys.modules, "__main__", main)
    yield main.__dict__["DynamicResourceProviderServicer"]()
    cancellation.cancelled.clear()


def test_a_method_that_the_server_holds_already_is_heard(host: Any) -> None:
    held = host.Cancel
    cancellation.listen()
    assert not cancellation.cancelled.is_set()
    assert isinstance(held(None, None), empty_pb2.Empty)
    assert cancellation.cancelled.is_set()


def test_builds_that_wait_leave_threads_for_the_engine(host: Any) -> None:
    assert host
    with ThreadPoolExecutor(max_workers=4) as pool:
        done = threading.Event()

        def build() -> bool:
            cancellation.listen()
            return done.wait(60)

        builds = [pool.submit(build) for _ in range(8)]
        pool.submit(done.set)
        assert all(each.result(60) for each in builds)


def test_anywhere_else_nothing_happens() -> None:
    cancellation.listen()
    assert not cancellation.cancelled.is_set()


def test_the_host_is_as_the_hook_expects_it() -> None:
    """What `listen` relies on, in the installed Pulumi."""
    from importlib.util import find_spec

    spec = find_spec("pulumi.dynamic.__main__")
    assert spec is not None
    assert spec.origin is not None
    with open(spec.origin, encoding="utf-8") as source:  # noqa: PTH123
        text = source.read()
    assert "class DynamicResourceProviderServicer" in text
    assert "    def Cancel(self, request, context):\n        return empty_pb2.Empty()" in text
    assert "from google.protobuf import empty_pb2" in text
    assert "ThreadPoolExecutor(max_workers=4)" in text
