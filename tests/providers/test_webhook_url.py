"""The other URLs of a webhook's trigger, and its token."""

import pytest

from providers.webhook_url import build_trigger_url, build_webhook_url, read_token


@pytest.mark.parametrize("path", ["/pred/m?token=t", "/pred/m/t", "/api/pred/m?token=t"])
def test_other_paths_of_the_trigger(path: str) -> None:
    assert build_trigger_url(f"https://host{path}", "/health") == f"https://host{path.split('/pred')[0]}/health"


@pytest.mark.parametrize("host", ["https://host", "https://host/"])
def test_a_webhook_gives_back_its_token(host: str) -> None:
    webhook = build_webhook_url(host, "m", "t-_1")
    assert webhook == "https://host/pred/m?token=t-_1"
    assert read_token(webhook) == "t-_1"
    assert read_token("https://host/pred/m") == ""
