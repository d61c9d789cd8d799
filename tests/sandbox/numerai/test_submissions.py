"""Webhooks and submissions with the unmodified numerapi client."""

from __future__ import annotations

from typing import Any

import numerapi
import pandas as pd
import pytest
import requests
from numerapi.base_api import Api

from sandbox.numerai.accounts import SCOPES
from sandbox.numerai.app import Numerai
from tests.sandbox.numerai.world import (
    CLASSIC_MODEL,
    CLIENTS,
    CRYPTO_MODEL,
    MODELS,
    NAMES,
    SIGNALS_MODEL,
    World,
    client,
    guesses,
)


@pytest.mark.parametrize("kind", CLIENTS)
def test_a_submission_carries_its_trigger(
    numerai: Numerai, world: World, kind: type[Api], monkeypatch: pytest.MonkeyPatch
) -> None:
    api = client(numerai, kind)
    model = MODELS[api.tournament_id]
    numerai.set_webhook(model, "https://hooks.example.com/pred")
    opened = numerai.open_round(NAMES[api.tournament_id])
    trigger = opened["triggers"][0]
    assert (trigger["model_id"], trigger["status"], trigger["tournament"]) == (model, 202, NAMES[api.tournament_id])
    assert world.posted == [
        (
            "https://hooks.example.com/pred",
            {"roundNumber": 1001, "dataVersion": 5, "triggerId": trigger["trigger_id"]},
        )
    ]
    monkeypatch.setenv("TRIGGER_ID", trigger["trigger_id"])
    submission_id = api.upload_predictions(df=guesses(api), model_id=model)
    (record,) = numerai.submissions()
    assert record["id"] == submission_id
    assert (record["trigger_id"], record["known_trigger"]) == (trigger["trigger_id"], True)
    assert (record["round"], record["state"], record["source"]) == (1001, "on-time", "numerapi")
    assert record["rows"] == len(guesses(api))


@pytest.mark.parametrize("trigger", [None, "made-up", "of another model"])
def test_a_trigger_id_that_was_not_issued_for_the_model_is_flagged(
    numerai: Numerai, monkeypatch: pytest.MonkeyPatch, trigger: str | None
) -> None:
    if trigger == "of another model":
        numerai.set_webhook(SIGNALS_MODEL, "https://hooks.example.com/pred")
        trigger = numerai.open_round("signals")["triggers"][0]["trigger_id"]
    if trigger:
        monkeypatch.setenv("TRIGGER_ID", trigger)
    api = client(numerai)
    api.upload_predictions(df=guesses(api), model_id=CLASSIC_MODEL)
    (record,) = numerai.submissions(CLASSIC_MODEL)
    assert (record["trigger_id"], record["known_trigger"], record["state"]) == (trigger, False, "late")


def test_what_numerai_cli_asks_after_a_test_run(
    numerai: Numerai, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = client(numerai)
    fire = "mutation ($modelId: String!) { triggerModelWebhook(modelId: $modelId) }"
    variables = {"modelId": CLASSIC_MODEL}
    with pytest.raises(ValueError, match="has none"):
        api.raw_query(fire, variables, authorization=True)
    assert api.set_submission_webhook(CLASSIC_MODEL, "https://hooks.example.com/pred?token=1") is True
    trigger_id = api.raw_query(fire, variables, authorization=True)["data"]["triggerModelWebhook"]
    assert world.posted[0][1] == {"roundNumber": "test", "dataVersion": 5, "triggerId": trigger_id, "isTest": True}
    monkeypatch.setenv("TRIGGER_ID", trigger_id)
    api.upload_predictions(df=guesses(api), model_id=CLASSIC_MODEL)
    seen = api.raw_query(
        "query ($modelId: String!) { submissions(modelId: $modelId) {"
        " round { number, tournament }, triggerId insertedAt } }",
        variables,
        authorization=True,
    )["data"]["submissions"]
    assert seen[0]["triggerId"] == trigger_id
    assert seen[0]["round"] == {"number": 1000, "tournament": 8}
    assert numerai.submissions()[0]["known_trigger"] is True


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((500, 0.1, "boom"), "Internal Server Error"),
        ((403, 0.1, "wrong token"), "403"),
        ((0, 30.0, "ReadTimeout"), "no answer"),
    ],
)
def test_a_webhook_that_fails_its_test(
    numerai: Numerai, world: World, answer: tuple[int, float, str], message: str
) -> None:
    numerai.set_webhook(CLASSIC_MODEL, "https://hooks.example.com/")
    world.answer = answer
    with pytest.raises(ValueError, match=message):
        client(numerai).raw_query(f'mutation {{ triggerModelWebhook(modelId: "{CLASSIC_MODEL}") }}', authorization=True)
    assert numerai.triggers()[0]["status"] == answer[0]


def test_a_webhook_is_read_back_changed_and_cleared(numerai: Numerai, world: World) -> None:
    api = client(numerai)

    def registered() -> str | None:
        answer = api.raw_query(f'{{ model(modelId: "{CLASSIC_MODEL}") {{ submissionWebhook }} }}', authorization=True)
        webhook: str | None = answer["data"]["model"]["submissionWebhook"]
        return webhook

    assert registered() is None
    assert api.set_submission_webhook(CLASSIC_MODEL, "https://hooks.example.com/")
    assert registered() == "https://hooks.example.com/"
    with pytest.raises(ValueError, match="expected an https URL"):
        api.set_submission_webhook(CLASSIC_MODEL, "not a url")
    assert api.set_submission_webhook(CLASSIC_MODEL, None)
    assert registered() is None
    assert numerai.open_round()["triggers"] == []
    assert world.posted == []


@pytest.mark.parametrize("kind", CLIENTS)
def test_what_a_submission_is_refused_for(numerai: Numerai, kind: type[Api]) -> None:
    api = client(numerai, kind)
    good = guesses(api)
    key, value = good.columns
    bad = {
        "invalid_submission_headers": good.rename(columns={value: "forecast"}),
        "must not contain NaNs": good.assign(**{value: good[value].where(good.index > 0)}),
        "between 0 and 1": good.assign(**{value: good[value] + 0.5}),
        "non-zero standard deviation": good.assign(**{value: 0.5}),
        "Not enough stocks": good.head(50),
        "latest live ids": good.assign(**{key: "x" + good[key]}),
        "Duplicates": pd.concat([good, good.head(1)]),
        "NaNs in the": good.assign(**{key: good[key].where(good.index > 0)}),
    }
    for message, table in bad.items():
        with pytest.raises(ValueError, match=message):
            api.upload_predictions(df=table, model_id=MODELS[api.tournament_id])
    assert numerai.submissions() == []


def test_rows_outside_of_the_universe_are_dropped(numerai: Numerai) -> None:
    api = client(numerai)
    good = guesses(api)
    more = pd.concat([good, pd.DataFrame({"id": ["nowhere"], "prediction": [0.5]})])
    api.upload_predictions(df=more, model_id=CLASSIC_MODEL)
    assert numerai.submissions()[0]["rows"] == len(good)


def test_a_slow_pipeline_may_submit_the_ids_of_the_round_before(numerai: Numerai) -> None:
    api = client(numerai)
    slow = guesses(api)
    numerai.open_round()
    api.upload_predictions(df=slow, model_id=CLASSIC_MODEL)
    assert numerai.submissions()[0]["round"] == 1001
    numerai.open_round()
    with pytest.raises(ValueError, match="latest live ids"):
        api.upload_predictions(df=slow, model_id=CLASSIC_MODEL)


def test_a_model_takes_no_submission_of_another_tournament(numerai: Numerai) -> None:
    for kind, model in [
        (numerapi.NumerAPI, CRYPTO_MODEL),
        (numerapi.CryptoAPI, SIGNALS_MODEL),
        (numerapi.SignalsAPI, CLASSIC_MODEL),
    ]:
        with pytest.raises(ValueError, match="Invalid tournament"):
            client(numerai, kind).upload_predictions(df=pd.DataFrame({"id": []}), model_id=model)


def test_a_file_that_was_never_put_makes_no_submission(numerai: Numerai, monkeypatch: pytest.MonkeyPatch) -> None:
    api = client(numerai)
    table = guesses(api)
    put = requests.put

    def tampered(url: str, **options: Any) -> requests.Response:
        answer = put(url.replace("signature=", "signature=wrong"), **options)
        assert answer.status_code == 403, answer.text
        return answer

    monkeypatch.setattr(requests, "put", tampered)
    with pytest.raises(ValueError, match="No file was uploaded"):
        api.upload_predictions(df=table, model_id=CLASSIC_MODEL)


def test_submissions_can_be_listed_and_downloaded(numerai: Numerai) -> None:
    api = client(numerai, keys=numerai.add_key(*SCOPES))
    first, second = guesses(api), guesses(api).iloc[::-1]
    api.upload_predictions(df=first, model_id=CLASSIC_MODEL)
    newest = api.upload_predictions(df=second, model_id=CLASSIC_MODEL)
    assert api.submission_ids(CLASSIC_MODEL)[0]["id"] == newest
    assert len(api.get_submission_filenames(model_id=CLASSIC_MODEL)) == 1
    back = pd.read_csv(api.download_submission(newest, dest_path="back.csv"))
    pd.testing.assert_frame_equal(back, second.reset_index(drop=True))
