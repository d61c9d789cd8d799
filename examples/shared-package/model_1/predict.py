"""Predict the live data of the current round and submit: the container runs this script."""

from pathlib import Path

import pandas as pd
from numerapi import NumerAPI

import model
from common import data, model_file, submission

SMALL_TREES = 200
SMALL_ERAS = 100


def trained_model(api: NumerAPI, folder: Path) -> model_file.Trained:
    """Load the model file, or train a small model if there is none."""
    trained = model_file.load(model.MODEL_FILE)
    if trained is not None:
        return trained
    print(f"no {model.MODEL_FILE.name} here: training a small model now; train.py makes a better one", flush=True)
    frame, features = data.training_data(api, folder, model.FEATURE_SET, SMALL_ERAS)
    return model.fit(frame, features, SMALL_TREES)


def predictions(api: NumerAPI, folder: Path) -> pd.Series:
    """Predict the live rows, indexed by `id`."""
    trained = trained_model(api, folder)
    return model.predict(trained, data.live_data(api, folder, trained.features))


if __name__ == "__main__":
    submission.predict_and_submit(predictions)
