"""Writes this Python's part of pickles.json: run it with each version, after `pip install cloudpickle`.

The tests read pickles of several Python versions, of which a machine has one. They are small, so they are kept as text.
"""

import base64
import json
import sys
from pathlib import Path
from typing import Any

import cloudpickle  # type: ignore[import-not-found, unused-ignore]

HALF = 0.5


def predict(live_features: Any) -> Any:
    import lightgbm  # type: ignore[import-not-found, unused-ignore]

    return lightgbm.Booster().predict(live_features.rank(pct=True)) * HALF


def ranked(live_features: Any) -> Any:
    features = [column for column in live_features.columns if column.startswith("feature_")]
    return live_features[features].sum(axis=1).rank(pct=True).to_frame("prediction")


def benchmarked(live_features: Any, live_benchmark_models: Any) -> Any:
    benchmark = live_benchmark_models.iloc[:, -1].rank(pct=True)
    return (ranked(live_features)["prediction"] * HALF + benchmark * HALF).to_frame("prediction")


def bound(factor: float) -> Any:
    return lambda live_features: live_features.head() * factor


if __name__ == "__main__":
    path = Path(__file__).with_name("pickles.json")
    pickles = json.loads(path.read_text()) if path.exists() else {}
    functions = {
        "predict": predict,
        "ranked": ranked,
        "benchmarked": benchmarked,
        "bound": bound(2),
        "identity": lambda rows: rows,
    }
    pickles[f"3.{sys.version_info.minor}"] = {
        name: base64.b64encode(cloudpickle.dumps(function)).decode() for name, function in functions.items()
    }
    path.write_text(json.dumps(dict(sorted(pickles.items())), indent=1) + "\n")
