"""The unmodified numerapi client against the sandbox's Numerai."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numerapi
import numpy as np
import pandas as pd
import pytest
import requests
from numerapi.base_api import Api

from sandbox.numerai.app import Numerai
from tests.sandbox.numerai.conftest import CLASSIC_MODEL, CRYPTO_MODEL, SIGNALS_MODEL, STRANGERS_MODEL, World

CLIENTS = [numerapi.NumerAPI, numerapi.SignalsAPI, numerapi.CryptoAPI]
MODELS = {8: CLASSIC_MODEL, 11: SIGNALS_MODEL, 12: CRYPTO_MODEL}
LIVE = {8: "v5.3/live.parquet", 11: "signals/v3.1/live.parquet", 12: "crypto/v2.0/live.parquet"}
NAMES = {8: "classic", 11: "signals", 12: "crypto"}


def client(numerai: Numerai, kind: type[Api] = numerapi.NumerAPI, keys: tuple[str, str] | None = None) -> Any:
    public_id, secret_key = keys or (numerai.public_id, numerai.secret_key)
    return kind(public_id, secret_key, verbosity="critical", show_progress_bars=False)


def guesses(api: Any) -> pd.DataFrame:
    """A valid submission, made of nothing but the ids of the live data."""
    live = pd.read_parquet(api.download_dataset(LIVE[api.tournament_id]))
    ids = live["numerai_ticker"] if api.tournament_id == 11 else live.index.to_series()
    column = "prediction" if api.tournament_id == 8 else "signal"
    return pd.DataFrame({str(ids.name): ids.to_numpy(), column: np.linspace(0.01, 0.99, len(ids))})


@pytest.mark.parametrize("kind", CLIENTS)
def test_models_of_a_tournament(numerai: Numerai, kind: type[Api]) -> None:
    api = client(numerai, kind)
    models = api.get_models()
    assert len(models) >= 3
    assert MODELS[api.tournament_id] in models.values()
    assert api.modelid_to_modelname(MODELS[api.tournament_id]) in models


def test_the_account_and_its_keys(numerai: Numerai) -> None:
    account = client(numerai).get_account()
    assert account["username"] == "sandbox_user"
    assert account["insertedAt"].year == 2024
    assert account["apiTokens"][0]["public_id"] == numerai.public_id
    assert "upload_submission" in account["apiTokens"][0]["scopes"]
    assert STRANGERS_MODEL not in [model["id"] for model in account["models"]]


def test_wrong_keys_are_a_401_which_numerapi_shows_as_a_bare_key_error(numerai: Numerai) -> None:
    for keys in [(numerai.public_id, "WRONG"), ("WRONG", numerai.secret_key)]:
        with pytest.raises(KeyError, match="data"):
            client(numerai, keys=keys).get_account()


def test_without_keys_public_questions_are_answered_and_others_are_not(numerai: Numerai) -> None:
    kind: Any = numerapi.NumerAPI
    api = kind(verbosity="critical")
    assert api.get_current_round() == 1000
    with pytest.raises(ValueError, match="must be authenticated"):
        api.raw_query("{ account { username } }")


@pytest.mark.parametrize(
    ("scope", "call"),
    [
        ("read_user_info", lambda api: api.get_models()),
        ("upload_submission", lambda api: api.set_submission_webhook(CLASSIC_MODEL, "https://example.com/")),
        ("upload_submission", lambda api: api.upload_predictions(df=pd.DataFrame(), model_id=CLASSIC_MODEL)),
        ("read_submission_info", lambda api: api.submission_ids(CLASSIC_MODEL)),
        ("download_submission", lambda api: api.download_submission("some-id")),
    ],
)
def test_a_key_can_do_only_what_its_scopes_say(numerai: Numerai, scope: str, call: Any) -> None:
    others = {"upload_submission", "download_submission", "read_submission_info", "read_user_info"} - {scope}
    with pytest.raises(ValueError, match=f"no scope {scope}"):
        call(client(numerai, keys=numerai.add_key(*others)))


@pytest.mark.parametrize(
    "call",
    [
        lambda api, model: api.set_submission_webhook(model, "https://example.com/"),
        lambda api, model: api.upload_predictions(df=pd.DataFrame(), model_id=model),
        lambda api, model: api.submission_ids(model),
        lambda api, model: api.modelid_to_modelname(model),
    ],
)
@pytest.mark.parametrize("model", [STRANGERS_MODEL, "no-such-model"])
def test_models_of_others_and_unknown_ones_are_not_found(numerai: Numerai, call: Any, model: str) -> None:
    with pytest.raises(ValueError, match="Model not found"):
        call(client(numerai), model)


@pytest.mark.parametrize("kind", CLIENTS)
def test_rounds_open_and_close(numerai: Numerai, world: World, kind: type[Api]) -> None:
    api = client(numerai, kind)
    assert (api.get_current_round(), api.check_round_open()) == (1000, False)
    assert numerai.open_round()["round"] == 1001
    assert (api.get_current_round(), api.check_round_open(), api.check_new_round()) == (1001, True, True)
    assert [r["number"] for r in api.list_rounds()] == [1001, 1000]
    assert [r["number"] for r in api.list_rounds(status="open")] == [1001]
    world.ahead = timedelta(hours=2)
    assert api.list_rounds(status="open") == []


def test_a_round_of_one_tournament_leaves_the_others_alone(numerai: Numerai) -> None:
    assert numerai.open_round("signals") == {"round": 1001, "tournaments": ["signals"], "triggers": []}
    assert client(numerai, numerapi.SignalsAPI).get_current_round() == 1001
    assert client(numerai, numerapi.NumerAPI).get_current_round() == 1000
    assert numerai.open_round("classic")["round"] == 1002


def test_every_listed_file_downloads(numerai: Numerai) -> None:
    api = client(numerai)
    names = api.list_datasets()
    assert {"v5.3/features.json", "signals/v3.1/train.parquet", "crypto/v2.0/live.parquet"} <= set(names)
    for name in names:
        path = Path(api.download_dataset(name))
        if path.suffix == ".parquet":
            assert len(pd.read_parquet(path)) >= 300


def test_any_version_is_served_and_unknown_files_are_refused_by_name(numerai: Numerai) -> None:
    api = client(numerai)
    newest, older = api.download_dataset("v5.3/train.parquet"), api.download_dataset("v4.1/train.parquet")
    assert Path(newest).read_bytes() == Path(older).read_bytes()
    for name in ("v5.3/nothing.parquet", "crypto/v2.0/features.json", "../v5.3/train.parquet", "train.parquet"):
        with pytest.raises(ValueError, match="Dataset not found"):
            api.download_dataset(name, "somewhere")


def test_a_broken_download_is_resumed(numerai: Numerai, monkeypatch: pytest.MonkeyPatch) -> None:
    api = client(numerai)
    whole = Path(api.download_dataset("v5.3/train.parquet")).read_bytes()
    Path("again.parquet.temp").write_bytes(whole[:1000])
    asked: list[Any] = []
    get = requests.get

    def watched(url: str, **options: Any) -> requests.Response:
        asked.append(options.get("headers"))
        return get(url, **options)

    monkeypatch.setattr(requests, "get", watched)
    assert Path(api.download_dataset("v5.3/train.parquet", "again.parquet")).read_bytes() == whole
    assert asked == [None, {"Range": "bytes=1000-"}]


def test_the_formats_are_numerais(numerai: Numerai) -> None:
    api = client(numerai)
    classic = pd.read_parquet(api.download_dataset("v5.3/train.parquet"))
    features = [name for name in map(str, classic) if name.startswith("feature_")]
    assert classic.index.name == "id"
    assert classic.index.is_unique
    assert {str(kind) for kind in classic[features].dtypes} == {"int8"}
    assert set(np.unique(classic[features])) == {0, 1, 2, 3, 4}
    assert set(classic["target"]) == {0.0, 0.25, 0.5, 0.75, 1.0}
    assert sorted(classic["era"].unique()) == [f"{era:04d}" for era in range(1, 13)]
    live = pd.read_parquet(api.download_dataset("v5.3/live.parquet"))
    assert not [name for name in map(str, live) if name.startswith("target")]
    assert list(live[features].columns) == features
    signals = pd.read_parquet(api.download_dataset("signals/v3.1/train.parquet"))
    assert {"numerai_ticker", "composite_figi", "date", "feature_country", "target"} <= set(signals)
    crypto = pd.read_parquet(api.download_dataset("crypto/v2.0/train.parquet"))
    assert crypto.index.name == "symbol"
    assert {"date", "target_binned_return_20"} <= set(crypto)


def test_live_data_belong_to_a_round_and_are_the_same_on_every_machine(numerai: Numerai) -> None:
    api = client(numerai)
    before = pd.read_parquet(api.download_dataset("v5.3/live.parquet", "before.parquet"))
    numerai.open_round()
    after = pd.read_parquet(api.download_dataset("v5.3/live.parquet", "after.parquet"))
    old = pd.read_parquet(api.download_dataset("v5.3/live.parquet", "old.parquet", round_num=1000))
    assert not set(before.index) & set(after.index)
    pd.testing.assert_frame_equal(before, old)
    assert before.index[0] == "n0174055d04a7e5e"


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
        assert answer.status_code == 403
        return answer

    monkeypatch.setattr(requests, "put", tampered)
    with pytest.raises(ValueError, match="No file was uploaded"):
        api.upload_predictions(df=table, model_id=CLASSIC_MODEL)


def test_submissions_can_be_listed_and_downloaded(numerai: Numerai) -> None:
    api = client(numerai)
    first, second = guesses(api), guesses(api).iloc[::-1]
    api.upload_predictions(df=first, model_id=CLASSIC_MODEL)
    newest = api.upload_predictions(df=second, model_id=CLASSIC_MODEL)
    assert api.submission_ids(CLASSIC_MODEL)[0]["id"] == newest
    assert len(api.get_submission_filenames(model_id=CLASSIC_MODEL)) == 1
    back = pd.read_csv(api.download_submission(newest, dest_path="back.csv"))
    pd.testing.assert_frame_equal(back, second.reset_index(drop=True))


def test_everything_survives_a_restart(numerai: Numerai, world: World) -> None:
    api = client(numerai)
    model = numerai.add_model("kappa_model", "classic")
    numerai.set_webhook(model["id"], "https://hooks.example.com/")
    opened = numerai.open_round()
    api.upload_predictions(df=guesses(api), model_id=CLASSIC_MODEL)
    again = world.boot()
    assert (again.public_id, again.secret_key) == (numerai.public_id, numerai.secret_key)
    assert again.submissions() == numerai.submissions()
    assert again.models() == numerai.models()
    assert again.triggers() == opened["triggers"]
    assert again.rounds("classic") == numerai.rounds("classic")
    assert again.open_round()["round"] == opened["round"] + 1


def test_the_hosts(numerai: Numerai) -> None:
    assert numerai.owns("api-tournament.numer.ai")
    assert numerai.owns("datasets.sandbox.numer.ai")
    assert numerai.owns("uploads.sandbox.numer.ai")
    assert not numerai.owns("numer.ai.example.com")


def test_the_rest_of_the_client(numerai: Numerai) -> None:
    classic, signals, crypto = (client(numerai, kind) for kind in CLIENTS)
    assert "alpha_model" in [row["username"] for row in classic.get_leaderboard()]
    assert "beta_model" in [row["username"] for row in signals.get_leaderboard(limit=2)]
    assert "gamma_model" in [row["username"] for row in crypto.get_leaderboard()]
    assert [row["username"] for row in classic.get_account_leaderboard(offset=1)] == ["someone_else"]
    assert classic.models_of_account("sandbox_user")["alpha_model"] == CLASSIC_MODEL
    assert classic.public_user_profile("alpha_model")["id"] == CLASSIC_MODEL
    assert classic.set_bio(CLASSIC_MODEL, "I am a model") is True
    assert classic.set_link(CLASSIC_MODEL, "home", "https://example.com") is True
    assert classic.public_user_profile("alpha_model")["bio"] == "I am a model"
    assert classic.daily_model_performances("alpha_model") == []
    assert signals.daily_model_performances("beta_model") == []
    assert len(signals.ticker_universe()) == 400
    assert classic.submission_scores(CLASSIC_MODEL) == []
    assert classic.pending_model_payouts() == {"actual": [], "pending": []}
    assert classic.wallet_transactions() == []
    assert len(classic.get_competitions()) == 1
    for call in (classic.v3_stake_config, lambda: classic.stake_increase(1, CLASSIC_MODEL), classic.pipeline_status):
        with pytest.raises(ValueError, match="sandbox of Numerai does not do"):
            call()
