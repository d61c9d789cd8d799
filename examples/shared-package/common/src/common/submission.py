"""Submit a model's predictions; every predict.py uses this module.

Reads MODEL_ID, NUMERAI_PUBLIC_ID and NUMERAI_SECRET_KEY from the environment. numerapi itself
reads TRIGGER_ID, which tells Numerai which call of the webhook a submission answers.
"""

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from numerapi import NumerAPI


def predict_and_submit(predict: Callable[[NumerAPI, Path], pd.Series]) -> None:
    """Submit the result of `predict(api, scratch_folder)` for the live rows; exit if that fails."""
    model_id = _required("MODEL_ID")
    public_id, secret_key = _required("NUMERAI_PUBLIC_ID"), _required("NUMERAI_SECRET_KEY")
    api = NumerAPI(public_id, secret_key, verbosity="warning", show_progress_bars=False)
    print(f"model {model_id}, round {os.environ.get('ROUND_NUMBER', 'not given')}", flush=True)
    try:
        with tempfile.TemporaryDirectory() as scratch:  # deleted after the run: each round has its own live data
            predictions = predict(api, Path(scratch))
        print(f"predicted {len(predictions)} rows", flush=True)
        print(f"submitted: {_upload(api, model_id, predictions)}", flush=True)
    except KeyError as error:
        if error.args != ("data",):  # numerapi raises this for an answer without data, such as HTTP 401
            raise
        sys.exit("Numerai did not answer as expected: check the API keys and their scopes, and the network.")


def _required(name: str) -> str:
    """Return an environment variable; exit if it is not set."""
    value = os.environ.get(name, "")
    if not value:
        sys.exit(f"{name} is not set in the environment: a prediction node sets it; on your machine, set it yourself.")
    return value


def _upload(api: NumerAPI, model_id: str, predictions: pd.Series) -> str:
    """Upload the columns `id,prediction` and return the submission's id."""
    try:
        return str(api.upload_predictions(df=predictions.reset_index(), model_id=model_id))
    except ValueError as error:
        sys.exit(f"Numerai rejected the submission: {error}")
