"""The node's model: its data, its training, and its file on disk.

Gradient-boosted trees (LightGBM) on the `small` feature set of Numerai Classic. train.py and predict.py both use this
module, so they cannot disagree about columns or versions.
"""

import json
import logging
import math
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import joblib
import lightgbm
import numpy as np
import pandas as pd
from numerapi import NumerAPI
from pyarrow import array, default_memory_pool
from pyarrow.parquet import ParquetFile

DATA_VERSION = "v5.3"
FEATURE_SET = "small"  # "medium" and "all" score better but need more memory and time; train.py prints how much
TARGET = "target"
ERA = "era"
OVERLAPPING_ERAS = 4  # the target covers the next four weeks, and an era is one week
MIDDLE = 2  # features are integers from 0 to 4
BATCH = 1 << 14  # rows read or converted at a time
SAMPLE = 20_000  # rows in which LightGBM looks for a feature's values; by default far more, as it expects many values

logging.getLogger("lightgbm").setLevel(logging.ERROR)
lightgbm.register_logger(logging.getLogger("lightgbm"))  # it would warn about the small SAMPLE

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


def training_data(api: NumerAPI, folder: Path, most_eras: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the features of at most `most_eras` eras, and the era and target of the same rows.

    The file has thousands of columns and millions of rows. It is read in batches, only the needed columns, so that
    memory holds the needed rows once, with a byte for each value, and never the rest of the file.
    """
    features = json.loads(download(api, "features.json", folder).read_text())["feature_sets"][FEATURE_SET]
    file = ParquetFile(download(api, "train.parquet", folder), read_dictionary=[ERA])
    labels = file.read([ERA, TARGET]).to_pandas(ignore_metadata=True)
    eras = evenly(sorted(labels[ERA].unique()), most_eras)
    kept = labels[ERA].isin(eras).to_numpy()
    labels = labels[kept].reset_index(drop=True)
    values = np.empty((len(labels), len(features)), np.int8)
    seen = filled = 0
    for batch in file.iter_batches(BATCH, columns=features):
        part = batch.filter(array(kept[seen : seen + len(batch)]))
        for place, name in enumerate(features):
            values[filled : filled + len(part), place] = part[name].fill_null(MIDDLE)
        seen, filled = seen + len(batch), filled + len(part)
    default_memory_pool().release_unused()
    print(f"read {len(labels)} rows of {len(eras)} eras with {len(features)} features", flush=True)
    return pd.DataFrame(values, columns=features, copy=False), labels


def live_data(api: NumerAPI, folder: Path, features: list[str]) -> pd.DataFrame:
    """Return the rows to predict, indexed by `id`."""
    return pd.read_parquet(download(api, "live.parquet", folder), columns=features)


class Batches(lightgbm.Sequence):
    """Rows that LightGBM fetches in batches: as floats, the rows would take eight times the memory."""

    batch_size = BATCH

    def __init__(self, values: np.ndarray) -> None:
        self.values = values

    def __getitem__(self, rows: int | slice | list[int]) -> np.ndarray:
        return self.values[rows].astype(np.float64)

    def __len__(self) -> int:
        return len(self.values)


def fit(rows: pd.DataFrame, target: pd.Series, trees: int) -> Trained:
    """Train on rows of features. Trees are shallow and learning is slow, because the signal is weak."""
    began = time.monotonic()
    settings = {
        "objective": "regression",
        "learning_rate": max(0.01, 10 / trees),
        "max_depth": 5,
        "num_leaves": 15,
        "feature_fraction": 0.2,
        "min_data_in_leaf": 50,
        "bin_construct_sample_cnt": SAMPLE,
        "seed": 0,
        "deterministic": True,
        "force_col_wise": True,  # takes less memory
        "num_threads": joblib.cpu_count(),  # LightGBM would count the whole machine's CPUs
        "verbosity": -1,
    }
    features = list(rows.columns)
    data = lightgbm.Dataset(Batches(rows.to_numpy()), target, feature_name=features)
    booster = lightgbm.train(settings, data, num_boost_round=trees)
    print(f"trained {trees} trees in {time.monotonic() - began:.1f} s", flush=True)
    return Trained(booster, features, DATA_VERSION)


def predict(trained: Trained, rows: pd.DataFrame) -> pd.Series:
    """Return predictions as ranks strictly between 0 and 1; Numerai scores only their order."""
    raw = pd.Series(trained.booster.predict(rows[trained.features]), index=rows.index, name="prediction")
    return (raw.rank() - 0.5) / len(raw)


def score(labels: pd.DataFrame, predictions: pd.Series) -> pd.Series:
    """Return the rank correlation with the target for each era."""
    both = labels.assign(prediction=predictions)
    return both.groupby(ERA, observed=True)[["prediction", TARGET]].apply(
        lambda part: part["prediction"].rank().corr(part[TARGET])
    )


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
