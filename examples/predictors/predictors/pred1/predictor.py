"""pred1: gradient-boosted trees on the `small` feature set."""

from typing import Any

import pandas as pd
import tournament
from sklearn.ensemble import HistGradientBoostingRegressor

FEATURE_SET = "small"
ERAS, SMALL_ERAS = 200, 100


def fit(frame: pd.DataFrame, features: list[str]) -> Any:
    """Train shallow trees slowly, because there is much noise and little signal."""
    trees = HistGradientBoostingRegressor(max_iter=200, learning_rate=0.05, max_leaf_nodes=16, max_features=0.5)
    return trees.fit(frame[features], frame[tournament.TARGET])


def train() -> None:
    """Write resources/model.joblib."""
    tournament.train(fit, FEATURE_SET, ERAS)


def run() -> None:
    """Predict and submit; called for each round."""
    tournament.predict_and_submit(fit, FEATURE_SET, SMALL_ERAS)
