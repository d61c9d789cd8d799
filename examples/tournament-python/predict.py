"""Predict the live data of the current round and submit: the container runs this script.

Reads MODEL_ID, NUMERAI_PUBLIC_ID and NUMERAI_SECRET_KEY from the environment. numerapi itself
reads TRIGGER_ID, which tells Numerai which call of the webhook a submission answers.
"""

import os
import sys
import tempfile
from pathlib import Path

import pandas as pd
from numerapi import NumerAPI

import model

SMALL_TREES = 200
SMALL_ERAS = 100


def required(name: str) -> str:
    """Return an environment variable; exit if it is not set."""
    value = os.environ.get(name, "")
    if not value:
        sys.exit(f"{name} is not set in the environment: a prediction node sets it; on your machine, set it yourself.")
    return value


def trained_model(api: NumerAPI, folder: Path) -> model.Trained:
    """Load the model file, or train a small model if there is none."""
    trained = model.load()
    if trained is not None:
        print(f"loaded {model.MODEL_FILE.name}: {len(trained.features)} features", flush=True)
        return trained
    print(f"no {model.MODEL_FILE.name} here: training a small model now; train.py makes a better one", flush=True)
    rows, labels = model.training_data(api, folder, SMALL_ERAS)
    return model.fit(rows, labels[model.TARGET], SMALL_TREES)


def submit(api: NumerAPI, model_id: str, predictions: pd.Series) -> str:
    """Upload the columns `id,prediction` and return the submission's id."""
    try:
        return str(api.upload_predictions(df=predictions.reset_index(), model_id=model_id))
    except ValueError as error:
        sys.exit(f"Numerai rejected the submission: {error}")


def main() -> None:
    model_id = required("MODEL_ID")
    public_id, secret_key = required("NUMERAI_PUBLIC_ID"), required("NUMERAI_SECRET_KEY")
    api = NumerAPI(public_id, secret_key, verbosity="warning", show_progress_bars=False)
    print(f"model {model_id}, round {os.environ.get('ROUND_NUMBER', 'not given')}", flush=True)
    with tempfile.TemporaryDirectory() as scratch:  # deleted after the run: each round has its own live data
        folder = Path(scratch)
        trained = trained_model(api, folder)
        live = model.live_data(api, folder, trained.features)
    predictions = model.predict(trained, live)
    print(f"predicted {len(predictions)} rows", flush=True)
    print(f"submitted: {submit(api, model_id, predictions)}", flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyError as error:
        if error.args != ("data",):  # numerapi raises this for an answer without data, such as HTTP 401
            raise
        sys.exit("Numerai did not answer as expected: check the API keys and their scopes, and the network.")
