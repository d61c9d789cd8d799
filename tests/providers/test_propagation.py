"""The wait for new permissions. A function's repeated builds are tested in tests/sandbox/gcp/test_functions.py."""

from __future__ import annotations

import pytest
from pulumi.dynamic import Config, ConfigureRequest

from providers.cancellation import cancelled
from providers.propagation import PermissionsProvider

ACCOUNT = {"account": "triggers-bld@p.iam.gserviceaccount.com", "grants": ["A"]}


def configure(settings: dict[str, str]) -> PermissionsProvider:
    provider = PermissionsProvider()
    provider.configure(ConfigureRequest(Config(settings, "p")))
    return provider


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waited: list[float] = []
    monkeypatch.setattr(cancelled, "wait", waited.append)
    return waited


@pytest.mark.parametrize(("settings", "waits"), [({}, [120.0]), ({"p:permission-seconds": "0"}, [])])
def test_an_account_waits_once_for_its_permissions(
    settings: dict[str, str], waits: list[float], waited: list[float]
) -> None:
    provider = configure(settings)
    assert provider.create(ACCOUNT).outs == ACCOUNT
    assert waited == waits
    assert not provider.diff("", ACCOUNT, ACCOUNT).changes
    assert provider.diff("", ACCOUNT, {**ACCOUNT, "account": "other@p"}).replaces == ["account"]


@pytest.mark.parametrize(("before", "after", "waits"), [("A", "AB", [120.0]), ("AB", "A", []), (None, "A", [120.0])])
def test_it_waits_again_for_further_permissions_only(
    before: str | None, after: str, waits: list[float], waited: list[float]
) -> None:
    provider = configure({})
    # Earlier versions waited only once, and kept no list.
    olds = {"account": ACCOUNT["account"], **({"grants": list(before)} if before else {})}
    news = {**ACCOUNT, "grants": list(after)}
    diff = provider.diff("", olds, news)
    assert (diff.changes, diff.replaces) == (True, [])
    assert provider.update("", olds, news).outs == news
    assert waited == waits


def test_a_state_of_an_earlier_version_needs_no_update() -> None:
    olds = {"account": ACCOUNT["account"]}
    assert not configure({}).diff("", olds, {**olds, "grants": []}).changes
