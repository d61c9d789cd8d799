"""The policy library is patched only in the version that was checked."""

from __future__ import annotations

import importlib.metadata
import re
from types import ModuleType

import pytest

from pnodes.engine.paths import ROOT
from policies import patches


class Servicer:
    """Replaces the library's servicer."""


@pytest.fixture
def library() -> ModuleType:
    module = ModuleType("pulumi_policy.policy")
    vars(module)["_PolicyAnalyzerServicer"] = object
    return module


def test_the_servicer_is_replaced(library: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "version", {"pulumi-policy": patches.CHECKED}.__getitem__)
    patches.replace_servicer(library, Servicer)
    assert library._PolicyAnalyzerServicer is Servicer


def test_on_another_version_the_pack_does_not_start(library: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "version", {"pulumi-policy": "9.9.9"}.__getitem__)
    with pytest.raises(SystemExit, match=rf"works with pulumi-policy {re.escape(patches.CHECKED)}, but 9\.9\.9"):
        patches.replace_servicer(library, Servicer)
    assert library._PolicyAnalyzerServicer is object


def test_the_pinned_library_is_the_one_that_was_checked() -> None:
    pinned = re.search(r"^pulumi-policy==(\S+)", (ROOT / "policies" / "requirements.txt").read_text(), re.MULTILINE)
    assert pinned
    assert pinned[1] == patches.CHECKED, "the pin has changed: see policies/patches.py for what to compare"
