"""The patches of Pulumi: its host's sentences, cancellation and many calls at once; its SDK's wait for all outputs."""

from __future__ import annotations

import asyncio
import importlib.metadata
import inspect
import re
import sys
import threading
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from google.protobuf import empty_pb2
from pulumi import dynamic
from pulumi.runtime import resource, stack
from pulumi.runtime.settings import SETTINGS

from pnodes.engine.paths import ROOT
from providers import cancellation, patches
from providers.refusal import Refusal
from providers.resource import Provider

HOST = """\
import traceback
from google.protobuf import empty_pb2
class DynamicResourceProviderServicer:
    def Cancel(self, request, context):
        return empty_pb2.Empty()
def answer(function):
    try:
        return function()
    except Exception:
        return traceback.format_exc()
"""


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A main module like that of `python -m pulumi.dynamic`."""
    main = ModuleType("__main__")
    exec(HOST, main.__dict__)  # noqa: S102 - the method must have the module's own names
    monkeypatch.setitem(sys.modules, "__main__", main)
    yield main
    cancellation.cancelled.clear()


def refuse() -> str:
    raise Refusal("the key is refused; make a new one")


def fail() -> str:
    raise ValueError("a bug")


def test_the_host_shows_a_refusal_as_a_sentence_and_a_bug_with_its_traceback(host: Any) -> None:
    assert "Traceback" in host.answer(refuse)
    patches.patch_provider_host()
    assert host.answer(refuse) == "the key is refused; make a new one"
    assert host.answer(fail).startswith("Traceback")
    assert host.answer(fail).endswith("ValueError: a bug\n")


def test_the_standard_library_is_left_alone(host: Any) -> None:
    patches.patch_provider_host()
    assert inspect.getmodule(traceback.format_exc) is traceback
    try:
        refuse()
    except Refusal:
        assert traceback.format_exc().startswith("Traceback")


def test_a_method_that_the_server_holds_already_is_heard(host: Any) -> None:
    held = host.DynamicResourceProviderServicer().Cancel
    patches.patch_provider_host()
    assert not cancellation.cancelled.is_set()
    assert isinstance(held(None, None), empty_pb2.Empty)
    assert cancellation.cancelled.is_set()


def test_builds_that_wait_leave_threads_for_the_engine(host: Any) -> None:
    assert host
    with ThreadPoolExecutor(max_workers=4) as pool:
        done = threading.Event()
        pool.submit(patches.patch_provider_host).result(60)
        builds = [pool.submit(done.wait, 60) for _ in range(8)]
        pool.submit(done.set)
        assert all(each.result(60) for each in builds)


def test_the_first_provider_that_the_host_configures_patches_it(host: Any) -> None:
    Provider().configure(dynamic.ConfigureRequest(dynamic.Config({}, "prediction-nodes")))
    assert host.answer(refuse) == "the key is refused; make a new one"


def test_anywhere_else_nothing_happens() -> None:
    before = dict(vars(sys.modules["__main__"]))
    patches.patch_provider_host()
    assert vars(sys.modules["__main__"]) == before
    assert not cancellation.cancelled.is_set()


def test_another_version_of_pulumi_is_left_as_it_is_and_said_once(
    host: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.metadata, "version", lambda name: {"pulumi": "3.999.0"}[name])
    patches.patch_provider_host()
    patches.patch_provider_host()
    assert "Traceback" in host.answer(refuse)
    said = capsys.readouterr().out
    assert said.count("warning:") == 1, said
    assert f"checked with version {patches.CHECKED}" in said
    assert "3.999.0 is installed" in said


def restore_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undo the patches of the SDK after the test."""
    monkeypatch.setattr(stack, "asyncio", asyncio)
    monkeypatch.setattr(resource, "_get_stack_trace", resource._get_stack_trace)


class Outputs:
    """Outputs of a program that become known one after another; `waits` counts the SDK's waits for them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.waits, self.known = 0, list[int]()
        restore_program(monkeypatch)
        monkeypatch.setattr(SETTINGS, "outputs", set())
        SETTINGS.rpc_manager.clear()
        wait = asyncio.wait

        def count(*arguments: Any, **options: Any) -> Any:
            self.waits += 1
            return wait(*arguments, **options)

        monkeypatch.setattr(asyncio, "wait", count)

    async def wait(self, count: int, failing: int | None = None) -> None:
        async def become_known(number: int) -> None:
            for _ in range(number):
                await asyncio.sleep(0)
            if number == failing:
                raise ValueError("an apply failed")
            self.known.append(number)

        SETTINGS.outputs.update(asyncio.ensure_future(become_known(number)) for number in range(count))
        await stack.wait_for_rpcs()


def test_the_sdk_waits_for_all_outputs_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = Outputs(monkeypatch)
    asyncio.run(outputs.wait(100))
    assert outputs.waits > 10, "Pulumi solved this: remove the patch"
    outputs.waits = 0
    patches.patch_program()
    asyncio.run(outputs.wait(100))
    assert outputs.waits == 1
    assert outputs.known[100:] == list(range(100))


def test_the_first_output_that_fails_ends_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = Outputs(monkeypatch)
    patches.patch_program()
    with pytest.raises(ValueError, match="an apply failed"):
        asyncio.run(outputs.wait(100, failing=3))
    assert len(outputs.known) < 10


def test_resources_are_registered_without_a_stack_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    restore_program(monkeypatch)

    class Base:
        def __init__(self, level: int = 2) -> None:
            # As the SDK's classes, of which each one calls the one below.
            self.frames: int = Base(level - 1).frames if level else len(resource._get_stack_trace().frames)

    assert Base().frames > 1, "Pulumi has no stack traces any more: remove the patch"
    patches.patch_program()
    assert Base().frames == 0


def test_the_pinned_pulumi_is_the_one_that_was_checked() -> None:
    pinned = re.search(r"^pulumi==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert pinned
    assert pinned[1] == patches.CHECKED, "the pin moved: providers/patches.py says what to compare"


def test_the_host_is_as_the_patches_expect_it() -> None:
    """Check the private parts of the installed Pulumi that the patches rely on."""
    spec = find_spec("pulumi.dynamic.__main__")
    assert spec is not None
    assert spec.origin is not None
    text = Path(spec.origin).read_text(encoding="utf-8")
    assert "class DynamicResourceProviderServicer" in text
    assert "    def Cancel(self, request, context):\n        return empty_pb2.Empty()" in text
    assert "from google.protobuf import empty_pb2" in text
    assert "ThreadPoolExecutor(max_workers=4)" in text
    assert "                provider.configure(req)\n" in text
    assert set(re.findall(r"\btraceback\.(\w+)", text)) == {"format_exc"}
    text = inspect.getsource(stack.wait_for_rpcs)
    assert set(re.findall(r"\basyncio\.(\w+)\(", text)) == {"sleep", "wait"}
    assert "return_when=asyncio.FIRST_COMPLETED" in text
