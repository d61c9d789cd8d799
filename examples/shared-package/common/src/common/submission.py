"""From a model's predictions to a submission: what every predict.py does the same way.

Reads MODEL_ID, NUMERAI_PUBLIC_ID and NUMERAI_SECRET_KEY from the environment. TRIGGER_ID, which tells Numerai which
call of the webhook a submission answers, is read by numerapi itself.
"""

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from numerapi import NumerAPI


def predict_and_submit(predict: Callable[[NumerAPI, Path], pd.Series]) -> None:
    """Submit what `predict(api, scratch folder)` gives for the live rows; ends the process when that cannot be done."""
    model_id = _required("MODEL_ID")
    public_id, secret_key = _required("NUMERAI_PUBLIC_ID"), _required("NUMERAI_SECRET_KEY")
    api = NumerAPI(public_id, secret_key, verbosity="warning", show_progress_bars=False)
    print(f"model {model_id}, round {os.environ.get('ROUND_NUMBER', 'not given')}", flush=True)
    try:
        with tempfile.TemporaryDirectory() as scratch:  # nothing is kept: each round has live data of its own
            predictions = predict(api, Path(scratch))
        print(f"predicted {len(predictions)} rows", flush=True)
        print(f"submitted: {_upload(api, model_id, predictions)}", flush=True)
    except KeyError as error:
        if error.args != ("data",):  # how numerapi shows an answer that has no data, such as HTTP 401
            raise
        sys.exit("Numerai did not answer as expected: check the API keys and their scopes, and the network.")


def _required(name: str) -> str:
    """An environment variable that must be there."""
    value = os.environ.get(name, "")
    if not value:
        sys.exit(f"{name} is not set in the environment: a prediction node sets it, on your machine do it yourself.")
    return value


def _upload(api: NumerAPI, model_id: str, predictions: pd.Series) -> str:
    """Upload the columns `id,prediction`; the submission's id."""
    try:
        return str(api.upload_predictions(df=predictions.reset_index(), model_id=model_id))
    except ValueError as error:
        sys.exit(f"Numerai refused the submission: {error}")
