"""Train a model and write model.pkl: `python train.py`, on your own machine. Needs no API keys.

The file holds a function as Numerai's Model Uploads expects it. cloudpickle stores the function's code and the values
that it uses, so this program is not needed to run it, but the same version of Python is.
"""

import json
import math
from pathlib import Path

import cloudpickle
import pandas as pd
from numerapi import NumerAPI
from sklearn.linear_model import Ridge

DATA_VERSION = "v5.2"  # the version with which Numerai runs pickles
FEATURE_SET = "small"  # "medium" and "all" score better but need far more memory
ERAS = 100  # evenly spaced: eras close in time have overlapping targets and add little

HERE = Path(__file__).resolve().parent


def download(api: NumerAPI, name: str) -> Path:
    """Download a file of the data version and return its path."""
    print(f"downloading {DATA_VERSION}/{name}", flush=True)
    return Path(api.download_dataset(f"{DATA_VERSION}/{name}", str(HERE / "data" / DATA_VERSION / name)))


def main() -> None:
    api = NumerAPI(verbosity="warning")
    features = json.loads(download(api, "features.json").read_text())["feature_sets"][FEATURE_SET]
    path = download(api, "train.parquet")
    eras = sorted(pd.read_parquet(path, columns=["era"])["era"].unique())
    eras = eras[:: math.ceil(len(eras) / ERAS)]
    frame = pd.read_parquet(path, columns=["target", *features], filters=[("era", "in", eras)])
    model = Ridge(alpha=1000.0).fit(frame[features], frame["target"])
    print(f"trained on {len(frame)} rows of {len(eras)} eras with {len(features)} features", flush=True)

    def predict(live_features: pd.DataFrame) -> pd.DataFrame:
        raw = pd.Series(model.predict(live_features[features]), index=live_features.index)
        return raw.rank(pct=True).to_frame("prediction")

    (HERE / "model.pkl").write_bytes(cloudpickle.dumps(predict))
    print("wrote model.pkl")


if __name__ == "__main__":
    main()
