"""The node's model: its data, its training, and its file on disk.

Gradient-boosted trees on the features that come with Numerai Signals. train.py and predict.py both use this module, so
they cannot disagree about columns or versions.
"""

import math
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import joblib
import pandas as pd
import pyarrow.parquet
from numerapi import SignalsAPI
from pyarrow import types
from sklearn.ensemble import HistGradientBoostingRegressor

DATA_VERSION = "signals/v3.1"
TARGET = "target"
DATE = "date"
KEY = "numerai_ticker"
OVERLAPPING_DAYS = 90  # Signals' targets cover up to the next 60 trading days

HERE = Path(__file__).resolve().parent
MODEL_FILE = HERE / "model.joblib"


@dataclass
class Trained:
    """A fitted model with the columns it expects and the data version it learned from."""

    regressor: HistGradientBoostingRegressor
    features: list[str]
    data_version: str


def download(api: SignalsAPI, name: str, folder: Path) -> Path:
    """Download a file of the data version into a folder and return its path."""
    print(f"downloading {DATA_VERSION}/{name}", flush=True)
    return Path(api.download_dataset(f"{DATA_VERSION}/{name}", str(folder / DATA_VERSION / name)))


def evenly(values: list[str], most: int) -> list[str]:
    """Pick at most `most` values, evenly spaced: values close in time have overlapping targets and add little."""
    return values[:: math.ceil(len(values) / most)]


def numeric_features(path: Path) -> list[str]:
    """Return the names of a file's numeric feature columns (`feature_country` is text)."""
    schema = pyarrow.parquet.read_schema(path)
    return [
        field.name
        for field in schema
        if field.name.startswith("feature_") and (types.is_floating(field.type) or types.is_integer(field.type))
    ]


def training_data(api: SignalsAPI, folder: Path, most_dates: int) -> tuple[pd.DataFrame, list[str]]:
    """Return the rows of at most `most_dates` dates, with only the needed columns, and the feature names."""
    path = download(api, "train.parquet", folder)
    features = numeric_features(path)
    dates = evenly(sorted(pd.read_parquet(path, columns=[DATE])[DATE].unique()), most_dates)
    frame = pd.read_parquet(path, columns=[DATE, TARGET, *features], filters=[(DATE, "in", dates)])
    frame = frame.dropna(subset=[TARGET]).reset_index(drop=True)
    print(f"read {len(frame)} rows of {len(dates)} dates with {len(features)} features", flush=True)
    return frame, features


def live_data(api: SignalsAPI, folder: Path, features: list[str]) -> pd.DataFrame:
    """Return the rows to predict, indexed by `numerai_ticker`."""
    rows = pd.read_parquet(download(api, "live.parquet", folder), columns=[KEY, *features])
    return rows.set_index(KEY)


def fit(frame: pd.DataFrame, features: list[str], trees: int) -> Trained:
    """Train on a frame. Trees are shallow and learning is slow, because the signal is weak."""
    began = time.monotonic()
    regressor = HistGradientBoostingRegressor(
        max_iter=trees,
        learning_rate=max(0.01, 10 / trees),
        max_depth=5,
        max_leaf_nodes=15,
        max_features=0.2,
        min_samples_leaf=50,
        early_stopping=False,
        random_state=0,
    )
    regressor.fit(frame[features], frame[TARGET])
    print(f"trained {trees} trees in {time.monotonic() - began:.1f} s", flush=True)
    return Trained(regressor, features, DATA_VERSION)


def predict(trained: Trained, rows: pd.DataFrame) -> pd.Series:
    """Return predictions as ranks strictly between 0 and 1; Numerai scores only their order."""
    raw = pd.Series(trained.regressor.predict(rows[trained.features]), index=rows.index, name="signal")
    return (raw.rank() - 0.5) / len(raw)


def score(frame: pd.DataFrame, predictions: pd.Series) -> pd.Series:
    """Return the rank correlation with the target for each date."""
    both = frame[[DATE, TARGET]].assign(prediction=predictions)
    return both.groupby(DATE)[["prediction", TARGET]].apply(lambda part: part["prediction"].rank().corr(part[TARGET]))


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
