"""The parts of Numerai Classic that these predictors share: data, an unbiased score, the model file, the submission."""

import json
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
from numerapi import NumerAPI

DATA_VERSION = "v5.3"
TARGET, ERA = "target", "era"
DATA = Path(__file__).resolve().parents[1] / "data"  # one folder for all predictors, because the files are large
MODEL_FILE = Path("resources/model.joblib")  # in the predictor's own folder
HELD_OUT = 0.2
OVERLAPPING_ERAS = 4  # the target covers the next four weeks, and an era is one week

Fit = Callable[[pd.DataFrame, list[str]], Any]
"""fit(rows, features) -> something that has `predict(rows of features)`."""


def _download(api: NumerAPI, name: str, folder: Path) -> Path:
    print(f"downloading {DATA_VERSION}/{name}", flush=True)
    return Path(api.download_dataset(f"{DATA_VERSION}/{name}", str(folder / DATA_VERSION / name)))


def training_data(api: NumerAPI, feature_set: str, most_eras: int) -> tuple[pd.DataFrame, list[str]]:
    """Return the rows of at most `most_eras` eras, evenly spaced, and the feature names."""
    features = json.loads(_download(api, "features.json", DATA).read_text())["feature_sets"][feature_set]
    path = _download(api, "train.parquet", DATA)
    eras = sorted(pd.read_parquet(path, columns=[ERA])[ERA].unique())
    kept = eras[:: math.ceil(len(eras) / most_eras)]
    frame = pd.read_parquet(path, columns=[ERA, TARGET, *features], filters=[(ERA, "in", kept)])
    print(f"read {len(frame)} rows of {len(kept)} eras with {len(features)} features", flush=True)
    return frame, features


def train(fit: Fit, feature_set: str, most_eras: int) -> None:
    """Print the score on eras that the model has not seen, then train on all eras and write the model file."""
    frame, features = training_data(NumerAPI(verbosity="warning"), feature_set, most_eras)
    eras = frame[ERA].astype(int)
    first = sorted(eras.unique())[-max(1, int(eras.nunique() * HELD_OUT))]
    seen, held_out = frame[eras < first - OVERLAPPING_ERAS], frame[eras >= first]
    guesses = held_out[[ERA, TARGET]].assign(guess=fit(seen, features).predict(held_out[features]))
    scores = guesses.groupby(ERA)[["guess", TARGET]].apply(lambda part: part["guess"].rank().corr(part[TARGET]))
    print(f"correlation on {len(scores)} held-out eras: mean {scores.mean():.4f}, deviation {scores.std():.4f}")
    joblib.dump({"model": fit(frame, features), "features": features, "data": DATA_VERSION}, MODEL_FILE)
    print(f"wrote {MODEL_FILE.name}")


def _trained(api: NumerAPI, fit: Fit, feature_set: str, most_eras: int) -> dict[str, Any]:
    if MODEL_FILE.exists():
        trained: dict[str, Any] = joblib.load(MODEL_FILE)
        if trained["data"] != DATA_VERSION:
            sys.exit(
                f"{MODEL_FILE.name} was trained on {trained['data']}, this code reads {DATA_VERSION}: "
                "run train.py again."
            )
        print(f"loaded {MODEL_FILE.name}: {len(trained['features'])} features", flush=True)
        return trained
    print(f"no {MODEL_FILE.name} here: training a small model now; train.py makes a better one", flush=True)
    frame, features = training_data(api, feature_set, most_eras)
    return {"model": fit(frame, features), "features": features}


def predict_and_submit(fit: Fit, feature_set: str, most_eras: int) -> None:
    """Submit ranks for the live rows. numerapi itself reads TRIGGER_ID, the id of the webhook's call."""
    api = NumerAPI(
        os.environ["NUMERAI_PUBLIC_ID"],
        os.environ["NUMERAI_SECRET_KEY"],
        verbosity="warning",
        show_progress_bars=False,
    )
    trained = _trained(api, fit, feature_set, most_eras)
    live = pd.read_parquet(_download(api, "live.parquet", DATA), columns=trained["features"])
    guesses = pd.Series(trained["model"].predict(live), index=live.index)
    ranks = ((guesses.rank() - 0.5) / len(guesses)).rename("prediction")
    print(f"predicted {len(ranks)} rows", flush=True)
    try:
        submitted = api.upload_predictions(df=ranks.reset_index(), model_id=os.environ["NUMERAI_MODEL_ID"])
    except ValueError as error:
        sys.exit(f"Numerai rejected the submission: {error}")
    print(f"submitted: {submitted}", flush=True)
