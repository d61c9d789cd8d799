"""Run a pickled function as Numerai's Model Uploads does: load it, predict the live data, check, and submit.

The image of a node with `pickle` runs this program, with any Python from 3.10 on and without the rest of the project.
The variables are those of every node. DATASET_VERSION selects another version of the data than Numerai's default.
"""

from __future__ import annotations

import inspect
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from numerapi import NumerAPI

MODEL_FILE = Path(__file__).resolve().with_name("model.pkl")
# The default of predict.py in github.com/numerai/numerai-predict, commit 19d1769589f83898a293f398e58c0bb1f0943c61.
DATASET_VERSION = "v5.2"
Predict = Callable[..., Any]


def load() -> tuple[Predict, int]:
    """Load the function; return it with the number of its parameters, one or two."""
    python = f"Python {sys.version_info.major}.{sys.version_info.minor}"
    try:
        predict = pd.read_pickle(MODEL_FILE)  # noqa: S301 - the user's own code, in its container
    except ModuleNotFoundError as error:
        sys.exit(f"the pickle needs the module {error.name}: add its package to the node's `packages` in nodes.yaml.")
    except Exception as error:  # noqa: BLE001 - loading runs code of the pickle
        sys.exit(f"the pickle cannot be loaded with {python}: {type(error).__name__}: {error}")
    try:
        count = len(inspect.signature(predict).parameters)
    except (TypeError, ValueError):
        sys.exit(f"the pickle holds {type(predict).__name__}; expected a function such as predict(live_features).")
    if count not in (1, 2):
        sys.exit(
            f"the pickled function has {count} parameters; expected predict(live_features) or "
            "predict(live_features, live_benchmark_models)."
        )
    print(f"loaded the pickle with {python}: a function of {'the live features' if count == 1 else 'both data sets'}")
    return predict, count


def download(api: NumerAPI, name: str, folder: Path) -> pd.DataFrame:
    """Download a file of the data version and read it."""
    filename = f"{os.environ.get('DATASET_VERSION') or DATASET_VERSION}/{name}"
    print(f"downloading {filename}", flush=True)
    try:
        return pd.read_parquet(api.download_dataset(filename, str(folder / name)))
    except ValueError as error:
        sys.exit(f"{filename} cannot be downloaded: {error}")


def check(predictions: Any, live: pd.DataFrame) -> pd.DataFrame:
    """Check the function's result as Numerai does; return the columns to submit, `id` and `prediction`."""
    if not isinstance(predictions, pd.DataFrame):
        sys.exit(f"the pickled function returned {type(predictions).__name__}; expected a DataFrame.")
    if predictions.empty:
        sys.exit("the pickled function returned no predictions.")
    missing, unknown = live.index.difference(predictions.index), predictions.index.difference(live.index)
    if len(missing) or len(unknown) or predictions.index.has_duplicates:
        sys.exit(
            f"the index of the predictions is not that of the live features: of {len(live)} ids, {len(missing)} are "
            f"missing, and {len(unknown)} of {len(predictions)} rows have another id."
        )
    if predictions.isna().any().any():
        sys.exit(f"{int(predictions.isna().any(axis=1).sum())} of {len(predictions)} predictions are missing (NaN).")
    values = predictions.iloc[:, 0]
    if not values.between(0, 1).all():
        sys.exit(f"the predictions must be from 0 to 1, but they are from {values.min()} to {values.max()}.")
    return values.rename("prediction").rename_axis("id").reset_index()


def main() -> None:
    for name in ("MODEL_ID", "NUMERAI_PUBLIC_ID", "NUMERAI_SECRET_KEY"):
        if not os.environ.get(name):
            sys.exit(f"{name} is not set in the environment: a prediction node sets it.")
    keys = os.environ["NUMERAI_PUBLIC_ID"], os.environ["NUMERAI_SECRET_KEY"]
    predict, count = load()
    api = NumerAPI(*keys, verbosity="warning", show_progress_bars=False)  # type: ignore[no-untyped-call]
    with tempfile.TemporaryDirectory() as scratch:  # deleted after the run: each round has its own live data
        live = download(api, "live.parquet", Path(scratch))
        inputs = [live] if count == 1 else [live, download(api, "live_benchmark_models.parquet", Path(scratch))]
    rows = check(predict(*inputs), live)
    print(f"predicted {len(rows)} rows", flush=True)
    try:
        print(f"submitted: {api.upload_predictions(df=rows, model_id=os.environ['MODEL_ID'])}", flush=True)
    except ValueError as error:
        sys.exit(f"Numerai rejected the submission: {error}")


if __name__ == "__main__":
    try:
        main()
    except KeyError as error:
        if error.args != ("data",):  # numerapi raises this for an answer without data, such as HTTP 401
            raise
        sys.exit("Numerai did not answer as expected: check the API keys and their scopes, and the network.")
