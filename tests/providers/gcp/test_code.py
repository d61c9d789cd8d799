"""The wait before the trigger's first build. The repeated builds are tested in tests/sandbox/gcp/test_functions.py."""

from __future__ import annotations

import pytest
from pulumi.dynamic import Config, ConfigureRequest

from providers.cancellation import cancelled
from providers.gcp.code import PermissionsProvider

ACCOUNT = {"account": "triggers-bld@p.iam.gserviceaccount.com"}


@pytest.mark.parametrize(("settings", "waits"), [({}, [120.0]), ({"p:permission-seconds": "0"}, [])])
def test_the_first_build_waits_once_for_its_builder_s_permissions(
    settings: dict[str, str], waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(cancelled, "wait", waited.append)
    provider = PermissionsProvider()
    provider.configure(ConfigureRequest(Config(settings, "p")))
    assert provider.create(ACCOUNT).outs == ACCOUNT
    assert waited == waits
    assert not provider.diff("", ACCOUNT, ACCOUNT).changes
    assert provider.diff("", ACCOUNT, {"account": "other@p"}).replaces == ["account"]
