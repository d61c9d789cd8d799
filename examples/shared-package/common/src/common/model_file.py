"""A trained model on disk."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib

from common.data import DATA_VERSION


@dataclass
class Trained:
    """A fitted estimator of scikit-learn with the columns it expects and the data version it learned from."""

    estimator: Any
    features: list[str]
    data_version: str = DATA_VERSION


def save(trained: Trained, path: Path) -> None:
    """Write the model file atomically."""
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as unfinished:
        joblib.dump(trained, unfinished)
    whole = Path(unfinished.name)
    whole.chmod(0o644)
    whole.replace(path)
    print(f"wrote {path.name}")


def load(path: Path) -> Trained | None:
    """Load the model file; return None if there is none."""
    if not path.exists():
        return None
    trained: Trained = joblib.load(path)
    if trained.data_version != DATA_VERSION:
        raise SystemExit(
            f"{path.name} was trained on {trained.data_version}, this code reads {DATA_VERSION}: run train.py again."
        )
    print(f"loaded {path.name}: {len(trained.features)} features", flush=True)
    return trained
