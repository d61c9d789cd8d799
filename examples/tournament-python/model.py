"""The node's model: its data, its training, and its file on disk.

Gradient-boosted trees (LightGBM) on the `small` feature set of Numerai Classic. train.py and predict.py both use this
module, so they cannot disagree about columns or versions.
"""

import json
import math
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import joblib
import lightgbm
import pandas as pd
from numerapi import NumerAPI

DATA_VERSION = "v5.3"
FEATURE_SET = "small"  # "medium" and "all" score better but need far more memory
TARGET = "target"
ERA = "era"
OVERLAPPING_ERAS = 4  # the target covers the next four weeks, and an era is one week

HERE = Path(__file__).resolve().parent
MODEL_FILE = HERE / "model.joblib"


@dataclass
class Trained:
    """A fitted model with the columns it expects and the data version it learned from."""

    booster: lightgbm.Booster
    features: list[str]
    data_version: str


def download(api: NumerAPI, name: str, folder: Path) -> Path:
    """Download a file of the data version into a folder and return its path."""
    print(f"downloading {DATA_VERSION}/{name}", flush=True)
    return Path(api.download_dataset(f"{DATA_VERSION}/{name}", str(folder / DATA_VERSION / name)))


def evenly(values: list[str], most: int) -> list[str]:
    """Pick at most `most` values, evenly spaced: values close in time have overlapping targets and add little."""
    return values[:: math.ceil(len(values) / most)]


def training_data(api: NumerAPI, folder: Path, most_eras: int) -> tuple[pd.DataFrame, list[str]]:
    """Return the rows of at most `most_eras` eras, with only the needed columns, and the feature names."""
    features = json.loads(download(api, "features.json", folder).read_text())["feature_sets"][FEATURE_SET]
    path = download(api, "train.parquet", folder)
    eras = evenly(sorted(pd.read_parquet(path, columns=[ERA])[ERA].unique()), most_eras)
    frame = pd.read_parquet(path, columns=[ERA, TARGET, *features], filters=[(ERA, "in", eras)])
    print(f"read {len(frame)} rows of {len(eras)} eras with {len(features)} features", flush=True)
    return frame, features


def live_data(api: NumerAPI, folder: Path, features: list[str]) -> pd.DataFrame:
    """Return the rows to predict, indexed by `id`."""
    return pd.read_parquet(download(api, "live.parquet", folder), columns=features)


def fit(frame: pd.DataFrame, features: list[str], trees: int) -> Trained:
    """Train on a frame. Trees are shallow and learning is slow, because the signal is weak."""
    began = time.monotonic()
    settings = {
        "objective": "regression",
        "learning_rate": max(0.01, 10 / trees),
        "max_depth": 5,
        "num_leaves": 15,
        "feature_fraction": 0.2,
        "min_data_in_leaf": 50,
        "seed": 0,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": joblib.cpu_count(),  # LightGBM would count the whole machine's CPUs
        "verbosity": -1,
    }
    booster = lightgbm.train(settings, lightgbm.Dataset(frame[features], frame[TARGET]), num_boost_round=trees)
    print(f"trained {trees} trees in {time.monotonic() - began:.1f} s", flush=True)
    return Trained(booster, features, DATA_VERSION)


def predict(trained: Trained, rows: pd.DataFrame) -> pd.Series:
    """Return predictions as ranks strictly between 0 and 1; Numerai scores only their order."""
    raw = pd.Series(trained.booster.predict(rows[trained.features]), index=rows.index, name="prediction")
    return (raw.rank() - 0.5) / len(raw)


def score(frame: pd.DataFrame, predictions: pd.Series) -> pd.Series:
    """Return the rank correlation with the target for each era."""
    both = frame[[ERA, TARGET]].assign(prediction=predictions)
    return both.groupby(ERA)[["prediction", TARGET]].apply(lambda part: part["prediction"].rank().corr(part[TARGET]))


def save(trained: Trained) -> None:
    """Write the model file atomically."""
    with tempfile.NamedTemporaryFile(dir=HERE, suffix=".part", delete=False) as unfinished:
        joblib.dump(trained, unfinished)
    path = Path(unfinished.name)
    path.chmod(0o644)
    path.replace(MODEL_FILE)


def load() -> Trained | None:
    """Load the model file; return None if there is none."""
    if not MODEL_FILE.exists():
        return None
    trained: Trained = joblib.load(MODEL_FILE)
    if trained.data_version != DATA_VERSION:
        raise SystemExit(
            f"{MODEL_FILE.name} was trained on {trained.data_version}, this code reads {DATA_VERSION}: "
            "run train.py again."
        )
    return trained
