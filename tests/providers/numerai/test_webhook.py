"""A webhook is set once its trigger answers, and cleared only if nobody else has changed it."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from pulumi.dynamic import Config, ConfigureRequest
from pulumi.output import UNKNOWN

from providers.cancellation import cancelled
from providers.numerai.client import NumeraiBusy
from providers.numerai.keys import NoKeys
from providers.numerai.webhook import TriggerSilent, WebhookProvider, fingerprint
from tests.providers.numerai.wire import Wire

KEYS = {"p:numerai-public-id": "a", "p:numerai-secret": "b"}
URL = "https://abc.lambda-url.us-east-1.on.aws/pred/5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01?token=TOKENTOKEN"
PROPS = {"node": "alpha", "account": "", "modelId": "m-1", "url": URL, "register": True, "fingerprint": None}
STATE = {**{k: v for k, v in PROPS.items() if k != "url"}, "fingerprint": fingerprint(URL)}


class Numerai:
    """A fake of Numerai that holds one model's webhook."""

    def __init__(self, wire: Wire, webhook: str | None = None) -> None:
        self.webhook, self.changes = webhook, 0
        wire.answers = [self._answer]

    def _answer(self, sent: dict[str, Any]) -> dict[str, Any]:
        if "setSubmissionWebhook" in sent["json"]["query"]:
            self.webhook, self.changes = sent["json"]["variables"]["newSubmissionWebhook"], self.changes + 1
            return {"data": {"setSubmissionWebhook": "true"}}
        return {"data": {"model": {"id": "m-1", "name": "alpha", "submissionWebhook": self.webhook}}}


@pytest.fixture
def provider() -> WebhookProvider:
    made = WebhookProvider()
    made.answer_seconds = made.pause_seconds = 0
    made.configure(ConfigureRequest(Config(KEYS, "p")))
    return made


@pytest.fixture
def healthy(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    asked: list[str] = []

    def get(url: str, **_: Any) -> requests.Response:
        asked.append(url)
        response = requests.Response()
        response.status_code = 200
        return response

    monkeypatch.setattr(requests.Session, "get", lambda _session, url, **sent: get(url, **sent))
    return asked


def test_it_is_set_once_the_trigger_answers(wire: Wire, provider: WebhookProvider, healthy: list[str]) -> None:
    numerai = Numerai(wire)
    made = provider.create(dict(PROPS))
    assert numerai.webhook == URL
    assert healthy == ["https://abc.lambda-url.us-east-1.on.aws/health/m-1"]
    assert made.outs == STATE
    assert "TOKENTOKEN" not in str(made.outs)


def test_a_trigger_that_does_not_answer_is_not_told_to_numerai(
    wire: Wire, provider: WebhookProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def get(url: str, **_: Any) -> requests.Response:
        response = requests.Response()
        response.status_code = 403
        return response

    monkeypatch.setattr(requests.Session, "get", lambda _session, url, **sent: get(url, **sent))
    numerai = Numerai(wire, "https://old")
    with pytest.raises(TriggerSilent, match=r"does not serve alpha at https://abc.*HTTP 403") as caught:
        provider.create(dict(PROPS))
    assert numerai.webhook == "https://old"
    assert "TOKENTOKEN" not in str(caught.value)


def test_an_old_trigger_stays_for_a_while(
    wire: Wire,
    provider: WebhookProvider,
    healthy: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(cancelled, "wait", waits.append)
    numerai = Numerai(wire, "https://old")
    provider.update("i", {**STATE, "fingerprint": fingerprint("https://old")}, dict(PROPS))
    assert numerai.webhook == URL
    assert waits == [90]
    assert "alpha: Numerai calls another trigger now; the old one stays for 90 s" in capsys.readouterr().out
    for former in (STATE["fingerprint"], fingerprint(None), "unmanaged"):
        provider.update("i", {**STATE, "fingerprint": former}, dict(PROPS))
    provider.configure(ConfigureRequest(Config({**KEYS, "p:settle-seconds": "0"}, "p")))
    provider.update("i", {**STATE, "fingerprint": fingerprint("https://old")}, dict(PROPS))
    assert waits == [90]


def test_changes_wait_while_numerai_accepts_no_more(
    wire: Wire,
    provider: WebhookProvider,
    healthy: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _: None)
    provider.busy_pause = 0
    numerai = Numerai(wire, "https://old")
    wire.answers = [(429, ""), (429, ""), (429, ""), (429, ""), (429, ""), *wire.answers]
    provider.create(dict(PROPS))
    assert numerai.webhook == URL
    assert "alpha: Numerai accepts about 50 changes of webhooks a minute" in capsys.readouterr().out
    provider.busy_seconds = -1
    wire.answers = [(429, "")]
    with pytest.raises(NumeraiBusy, match="accepts no more requests"):
        provider.update("i", dict(STATE), dict(PROPS))


def test_what_changes_it(provider: WebhookProvider) -> None:
    assert not provider.diff("", STATE, PROPS).changes
    assert provider.diff("", STATE, {**PROPS, "url": URL + "x"}).changes
    assert provider.diff("", STATE, {**PROPS, "url": UNKNOWN}).changes
    assert provider.diff("", {**STATE, "fingerprint": fingerprint("https://by-hand")}, PROPS).changes
    assert provider.diff("", STATE, {**PROPS, "register": False}).changes
    assert provider.diff("", STATE, {**PROPS, "modelId": "m-2"}).replaces == ["modelId"]
    assert not provider.diff("", {**STATE, "register": False}, {**PROPS, "register": False, "url": "other"}).changes


def refreshed(provider: WebhookProvider) -> str:
    return str((provider.read("i", dict(STATE)).outs or {})["fingerprint"])


def test_a_refresh_shows_what_numerai_has(wire: Wire, provider: WebhookProvider) -> None:
    numerai = Numerai(wire, URL)
    assert provider.read("i", dict(STATE)).outs == STATE
    numerai.webhook = "https://by-hand"
    assert refreshed(provider) == fingerprint("https://by-hand")
    numerai.webhook = None
    assert refreshed(provider) == fingerprint(None)


def test_without_keys_a_refresh_says_that_it_could_not_look(
    provider: WebhookProvider, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("NUMERAI_PUBLIC_ID", raising=False)
    monkeypatch.delenv("NUMERAI_SECRET_KEY", raising=False)
    provider.configure(ConfigureRequest(Config({}, "p")))
    assert provider.read("i", dict(STATE)).outs == STATE
    assert "alpha: the webhook was not compared with Numerai's" in capsys.readouterr().out
    with pytest.raises(NoKeys):
        provider.delete("i", dict(STATE))


def test_only_our_own_is_cleared(wire: Wire, provider: WebhookProvider) -> None:
    numerai = Numerai(wire, "https://the-next-node")
    provider.delete("i", dict(STATE))
    assert numerai.changes == 0
    numerai.webhook = URL
    provider.delete("i", dict(STATE))
    assert numerai.webhook is None


def test_a_model_that_is_gone_holds_nothing_up(wire: Wire, provider: WebhookProvider) -> None:
    wire.answers = [{"errors": [{"message": "Model not found"}]}]
    provider.delete("i", dict(STATE))
    wire.answers = [{"errors": [{"message": "Insufficient permission"}]}]
    with pytest.raises(Exception, match="Insufficient permission"):
        provider.delete("i", dict(STATE))


def test_register_false_leaves_numerai_alone(wire: Wire, provider: WebhookProvider) -> None:
    props = {**PROPS, "register": False}
    made = provider.create(dict(props))
    state = made.outs or {}
    assert provider.read("i", dict(state)).outs == state
    provider.update("i", dict(STATE), dict(props))
    provider.delete("i", dict(state))
    assert wire.asked == []
