"""The unmodified numerapi client against the sandbox's Numerai: account, rounds, data and its other requests."""

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
from tests.sandbox.numerai.world import CLASSIC_MODEL, CLIENTS, MODELS, STRANGERS_MODEL, World, client, guesses


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
    assert "beta_model" in [row["username"] for row in signals.get_leaderboard(limit=3)]
    assert len(signals.get_leaderboard(limit=2)) == 2
    assert "gamma_model" in [row["username"] for row in crypto.get_leaderboard()]
    assert [row["username"] for row in classic.get_account_leaderboard(offset=1)] == ["someone_else"]
    assert classic.models_of_account("sandbox_user")["alpha_model"] == CLASSIC_MODEL
    assert classic.public_user_profile("alpha_model")["id"] == CLASSIC_MODEL
    assert classic.daily_model_performances("alpha_model") == []
    assert signals.daily_model_performances("beta_model") == []
    assert len(signals.ticker_universe()) == 400
    assert classic.submission_scores(CLASSIC_MODEL) == []
    assert classic.pending_model_payouts() == {"actual": [], "pending": []}
    assert classic.wallet_transactions() == []
    assert len(classic.get_competitions()) == 1
    for call in (classic.v3_stake_config, classic.pipeline_status):
        with pytest.raises(ValueError, match="sandbox's Numerai does not support"):
            call()
