"""Model 2: a ridge regression on the `medium` feature set. train.py and predict.py both use this module."""

import time
from pathlib import Path

import numpy as np
import pandas as pd
from common.data import TARGET
from common.model_file import Trained
from common.ranking import ranked
from sklearn.linear_model import Ridge

FEATURE_SET = "medium"  # "all" scores better but needs far more memory
ERAS = 60  # the features of 60 eras, as float32, take about 1 GB
MIDDLE = 2.0  # features range from 0 to 4; subtracting this centres them
PENALTY = 1e3
HERE = Path(__file__).resolve().parent
MODEL_FILE = HERE / "model.joblib"


def fit(frame: pd.DataFrame, features: list[str]) -> Trained:
    """Train on a frame. The penalty is strong, because features are correlated and the signal is weak."""
    began = time.monotonic()
    regressor = Ridge(alpha=PENALTY, copy_X=False)
    regressor.fit(_centred(frame, features), frame[TARGET].to_numpy(np.float32))
    print(f"trained on {len(frame)} rows in {time.monotonic() - began:.1f} s", flush=True)
    return Trained(regressor, features)


def predict(trained: Trained, rows: pd.DataFrame) -> pd.Series:
    """Return predictions as ranks strictly between 0 and 1."""
    return ranked(pd.Series(trained.estimator.predict(_centred(rows, trained.features)), index=rows.index))


def _centred(rows: pd.DataFrame, features: list[str]) -> np.ndarray:
    return rows[features].to_numpy(np.float32) - MIDDLE
