"""Model 1: gradient-boosted trees on the `small` feature set. train.py and predict.py both use this module."""

import time
from pathlib import Path

import pandas as pd
from common.data import TARGET
from common.model_file import Trained
from common.ranking import ranked
from sklearn.ensemble import HistGradientBoostingRegressor

FEATURE_SET = "small"  # "medium" and "all" score better but need far more memory
HERE = Path(__file__).resolve().parent
MODEL_FILE = HERE / "model.joblib"


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
    return Trained(regressor, features)


def predict(trained: Trained, rows: pd.DataFrame) -> pd.Series:
    """Return predictions as ranks strictly between 0 and 1."""
    return ranked(pd.Series(trained.estimator.predict(rows[trained.features]), index=rows.index))
