"""Read Numerai Classic's files as frames, with only the columns and eras that a model needs."""

import json
import math
from pathlib import Path

import pandas as pd
from numerapi import NumerAPI

DATA_VERSION = "v5.3"
TARGET = "target"
ERA = "era"


def download(api: NumerAPI, name: str, folder: Path) -> Path:
    """Download a file of the data version into a folder, unless it is already there, and return its path."""
    print(f"downloading {DATA_VERSION}/{name}", flush=True)
    return Path(api.download_dataset(f"{DATA_VERSION}/{name}", str(folder / DATA_VERSION / name)))


def evenly(values: list[str], most: int) -> list[str]:
    """Pick at most `most` values, evenly spaced: values close in time have overlapping targets and add little."""
    return values[:: math.ceil(len(values) / most)]


def training_data(api: NumerAPI, folder: Path, feature_set: str, most_eras: int) -> tuple[pd.DataFrame, list[str]]:
    """Return the rows of at most `most_eras` eras, with only the needed columns, and the feature names."""
    features = json.loads(download(api, "features.json", folder).read_text())["feature_sets"][feature_set]
    path = download(api, "train.parquet", folder)
    eras = evenly(sorted(pd.read_parquet(path, columns=[ERA])[ERA].unique()), most_eras)
    frame = pd.read_parquet(path, columns=[ERA, TARGET, *features], filters=[(ERA, "in", eras)])
    print(f"read {len(frame)} rows of {len(eras)} eras with {len(features)} features", flush=True)
    return frame, features


def live_data(api: NumerAPI, folder: Path, features: list[str]) -> pd.DataFrame:
    """Return the rows to predict, indexed by `id`."""
    return pd.read_parquet(download(api, "live.parquet", folder), columns=features)
