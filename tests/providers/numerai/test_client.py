"""The client reports every failure as a sentence, never waits for ever, and never shows a key."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import requests

from providers.numerai.client import Client, KeysRefused, NumeraiBusy, NumeraiRefused, NumeraiSilent
from providers.numerai.keys import Keys
from tests.providers.numerai.wire import Wire

KEYS = Keys("PUBLICPUBLIC", "SECRETSECRET")
MODEL = "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01"


def client() -> Client:
    return Client(KEYS, pause=0)


def test_every_request_has_a_time_out_and_the_token_only_where_it_is_needed(wire: Wire) -> None:
    wire.answers = [{"data": {"rounds": [{"number": 7, "openTime": "a", "closeTime": "b", "closeStakingTime": "c"}]}}]
    current = client().current_round(8)
    assert current is not None
    assert current["number"] == 7
    wire.answers = [{"data": {"model": {"id": MODEL, "name": "alpha", "submissionWebhook": "https://a"}}}]
    assert client().webhook(MODEL) == "https://a"
    assert [bool(one["timeout"]) for one in wire.asked] == [True, True]
    assert [one["headers"].get("Authorization") for one in wire.asked] == [None, "Token PUBLICPUBLIC$SECRETSECRET"]


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        ((401, {"errors": [{"message": "Invalid API key."}]}), KeysRefused, "refused the API keys"),
        ({"errors": [{"message": "Model not found"}]}, NumeraiRefused, "Numerai refused: Model not found."),
        ({"errors": {"detail": "no scope"}}, NumeraiRefused, "Numerai refused: no scope."),
        ((502, "<html>"), NumeraiSilent, "HTTP 502, 4 tries"),
        ((429, "slow down"), NumeraiBusy, "HTTP 429, 4 tries"),
        ((200, "<html>"), NumeraiRefused, "without JSON"),
        ({}, NumeraiRefused, "without data"),
        (requests.ConnectionError("https://x?key=SECRETSECRET"), NumeraiSilent, "no answer: ConnectionError"),
        (requests.Timeout("slow"), NumeraiSilent, "no answer: Timeout"),
    ],
)
def test_what_goes_wrong_is_a_sentence(
    wire: Wire, caplog: pytest.LogCaptureFixture, answer: Any, kind: type[Exception], words: str
) -> None:
    wire.answers = [answer]
    with caplog.at_level(logging.DEBUG), pytest.raises(kind, match=words) as caught:
        client().get_models(8)
    assert "SECRETSECRET" not in str(caught.value) + caplog.text
    assert str(caught.value).endswith(".")


def test_what_passes_is_tried_again(wire: Wire) -> None:
    wire.answers = [(503, ""), requests.ConnectionError("reset"), {"data": {"triggerModelWebhook": "t-1"}}]
    assert client().fire(MODEL) == "t-1"
    assert len(wire.asked) == 3


def test_a_webhook_that_is_not_taken_is_told(wire: Wire) -> None:
    wire.answers = [{"data": {"setSubmissionWebhook": "false"}}]
    with pytest.raises(NumeraiRefused, match="did not set the webhook"):
        client().set_webhook(MODEL, "https://a")
    wire.answers = [{"data": {"setSubmissionWebhook": "true"}}]
    client().set_webhook(MODEL, None)
    assert wire.asked[-1]["json"]["variables"] == {"modelId": MODEL, "newSubmissionWebhook": None}


def test_a_model_of_somebody_else_is_refused(wire: Wire) -> None:
    wire.answers = [{"data": {"model": None}}]
    with pytest.raises(NumeraiRefused, match="no model with the id"):
        client().webhook(MODEL)


def test_the_webhooks_of_an_account_need_one_request(wire: Wire) -> None:
    models = [{"id": MODEL, "submissionWebhook": "https://a"}, {"id": "other", "submissionWebhook": ""}]
    wire.answers = [{"data": {"account": {"models": models}}}]
    assert client().webhooks() == {MODEL: "https://a", "other": None}
    assert len(wire.asked) == 1
    assert "Authorization" in wire.asked[0]["headers"]


def test_submissions_come_newest_first(wire: Wire) -> None:
    found = [{"id": "1", "triggerId": "a", "insertedAt": "2026-01-01", "round": {"number": 1, "tournament": 8}}]
    found.append({**found[0], "id": "2", "insertedAt": "2026-02-01"})
    wire.answers = [{"data": {"submissions": found}}]
    assert [one["id"] for one in client().submissions(MODEL)] == ["2", "1"]


def test_keys_of_the_environment_are_not_taken_by_surprise(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMERAI_PUBLIC_ID", "other")
    monkeypatch.setenv("NUMERAI_SECRET_KEY", "other")
    assert Client(None).token is None
    assert Client(KEYS).token == ("PUBLICPUBLIC", "SECRETSECRET")
    assert "SECRETSECRET" not in repr(KEYS)


def test_one_request_asks_for_the_models_of_an_account_and_for_rounds(wire: Wire) -> None:
    known = {"number": 7, "openTime": "a", "closeTime": "b", "closeStakingTime": None}
    older, newer = ({"id": day, "insertedAt": f"2026-01-0{day}"} for day in "12")
    wire.answers = [{"data": {"m0": [older, newer], "m1": None, "t0": [None, known, {"number": None}]}}]
    submissions, rounds = client().survey([MODEL, "other", MODEL], [8])
    assert submissions == {MODEL: [newer, older], "other": []}
    assert rounds == {8: [known]}
    assert [one["json"]["variables"] for one in wire.asked] == [{"m0": MODEL, "m1": "other", "t0": 8}]
    assert "Authorization" in wire.asked[0]["headers"]
    wire.answers = [{"data": {"t0": None}}]
    assert client().survey([], [8]) == ({}, {8: []})
    assert "Authorization" not in wire.asked[1]["headers"]
