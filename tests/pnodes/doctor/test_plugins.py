"""Which plugin the engine will use for a cloud, and the command that installs a missing one."""

from __future__ import annotations

from importlib import metadata
from typing import Any

import httpx
import pytest

from pnodes.doctor import plugins
from providers.findings import Level
from tests.pnodes.doctor.engines import FakeEngine

VERSION = metadata.version("pulumi-aws")


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PULUMI_DEBUG_PROVIDERS", "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(httpx, "head", lambda *_, **__: pytest.fail("no test may use the network"))


def installed(*versions: str) -> FakeEngine:
    listed = [{"name": "aws", "kind": "resource", "version": version} for version in versions]
    return FakeEngine(plugin_ls=(0, [{"name": "aws", "kind": "language", "version": VERSION}, *listed]))


def test_which_plugins_are_needed() -> None:
    assert plugins.list_needed(["gcp", "azure", "gcp"], docker=True) == ["azure-native", "gcp", "docker-build"]


def test_the_sdk_s_version_is_installed() -> None:
    (finding,) = plugins.examine(["aws"], installed("1.0.0", VERSION))
    assert finding.level == Level.OK, finding.text
    assert VERSION in finding.text


def test_a_running_plugin_is_attached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_DEBUG_PROVIDERS", "gcp:1234,aws:1235")
    (finding,) = plugins.examine(["aws"], installed())
    assert finding.level == Level.OK, finding.text
    assert "attached" in finding.text


def test_downloads_are_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION", "true")
    (finding,) = plugins.examine(["aws"], installed("1.0.0"))
    assert (finding.level, finding.mend) == (Level.FAILED, f"pulumi plugin install resource aws {VERSION}")
    assert "(1.0.0 is)" in finding.text


def answer(value: Any) -> Any:
    def head(url: str, **_: Any) -> httpx.Response:
        assert url.startswith(f"https://get.pulumi.com/releases/plugins/pulumi-resource-aws-v{VERSION}-")
        if isinstance(value, Exception):
            raise value
        return httpx.Response(value)

    return head


@pytest.mark.parametrize(
    ("value", "level", "words"),
    [
        (200, Level.OK, "downloads it"),
        (404, Level.FAILED, "HTTP 404"),
        (httpx.ConnectError("no"), Level.FAILED, "no answer from get.pulumi.com (ConnectError)"),
    ],
)
def test_a_plugin_that_is_not_installed(monkeypatch: pytest.MonkeyPatch, value: Any, level: Level, words: str) -> None:
    monkeypatch.setattr(httpx, "head", answer(value))
    (finding,) = plugins.examine(["aws"], installed())
    assert finding.level == level, finding.text
    assert words in finding.text
    assert bool(finding.mend) is (level is Level.FAILED)


def test_an_sdk_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_: str) -> str:
        raise metadata.PackageNotFoundError

    monkeypatch.setattr(metadata, "version", none)
    (finding,) = plugins.examine(["aws"], installed())
    assert (finding.level, finding.mend) == (Level.FAILED, "make setup")
