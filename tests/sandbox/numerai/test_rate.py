"""Numerai's limit of webhook changes, and the webhooks of a fleet that meets it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pulumi.dynamic import Config, ConfigureRequest

from providers.numerai.webhook import WebhookProvider
from sandbox.numerai.app import Numerai
from sandbox.numerai.rate import Rate
from tests.sandbox.numerai.world import client

NODES = 8


def test_there_is_no_limit_by_default() -> None:
    rate = Rate()
    assert not any(rate.refuse() for _ in range(1000))
    assert rate.refused == 0


def test_a_limit_counts_the_last_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("sandbox.numerai.rate.time.monotonic", lambda: now)
    rate = Rate()
    rate.limit(2, 60)
    assert [rate.refuse() for _ in range(3)] == [0, 0, 60]
    now += 45.5
    assert rate.refuse() == 15
    now += 15
    assert [rate.refuse() for _ in range(3)] == [0, 0, 60]
    assert rate.refused == 3


def test_all_webhooks_of_a_fleet_are_set_in_the_end(
    numerai: Numerai, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    models = [numerai.add_model(f"fleet_{number}", "classic")["id"] for number in range(NODES)]
    numerai.webhook_changes.limit(NODES // 2, 1)
    provider = WebhookProvider()
    monkeypatch.setattr(provider, "_await_trigger", lambda _props: None)
    # The client's own retries end before Numerai accepts another change, so that the resource has to wait.
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _: None)
    settings = {"p:numerai-public-id": numerai.public_id, "p:numerai-secret": numerai.secret_key}
    provider.configure(ConfigureRequest(Config(settings, "p")))

    def create(number: int) -> Any:
        url = f"https://trigger.example/pred/{models[number]}?token=t"
        inputs = {"node": f"fleet-{number}", "account": "", "modelId": models[number], "url": url, "register": True}
        return provider.create(inputs)

    with ThreadPoolExecutor(NODES) as pool:
        list(pool.map(create, range(NODES)))
    webhooks = {model["id"]: model["webhook"] for model in numerai.models()}
    assert all(webhooks[model].endswith(f"/pred/{model}?token=t") for model in models)
    assert numerai.webhook_changes.refused >= NODES // 2
    assert "Numerai accepts about 50 changes of webhooks a minute" in capsys.readouterr().out
    assert client(numerai).get_account()  # other requests are not limited
