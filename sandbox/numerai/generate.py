"""Generates market data in Numerai's formats from fixed seeds, so that the files are the same on every machine.

In each tournament, a hidden rule (mostly linear, with one interaction) and noise map features to the target, so that a
model can learn and its score shows it. The correlations are far higher than in real markets. Frames of the live period
include the target; `datasets` removes it from the files for download.
"""

from __future__ import annotations

import zlib
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sandbox.numerai import names
from sandbox.numerai.tournaments import Tournament

if TYPE_CHECKING:
    from numpy.typing import NDArray

PERIODS = {Tournament.CLASSIC: 12, Tournament.SIGNALS: 24, Tournament.CRYPTO: 24}
ROWS = {Tournament.CLASSIC: 200, Tournament.SIGNALS: 120, Tournament.CRYPTO: 100}
LIVE_ROWS = {Tournament.CLASSIC: 500, Tournament.SIGNALS: 400, Tournament.CRYPTO: 300}
FEATURES = {
    Tournament.CLASSIC: names.CLASSIC_FEATURES,
    Tournament.SIGNALS: names.SIGNALS_FEATURES,
    Tournament.CRYPTO: names.CRYPTO_FEATURES,
}
TARGETS = {
    Tournament.CLASSIC: ("target", "target_ender_20", "target_cyrusd_20", "target_ender_60"),
    Tournament.SIGNALS: ("target", "target_chili_60", "target_raw_return_20", "target_factor_neutral_20"),
    Tournament.CRYPTO: ("target_binned_return_20", "target_binned_return_60"),
}
LAST_TRAINING_FRIDAY = date(2024, 12, 27)
_BIN_EDGES = (0.05, 0.25, 0.75, 0.95)  # the cumulative shares of Numerai's bins: 5, 20, 50, 20 and 5 %
_SIGNAL = 0.6


def seed_generator(*parts: object) -> np.random.Generator:
    """Return a random seed_generator that is seeded only with its name."""
    return np.random.default_rng(zlib.crc32("/".join(map(str, parts)).encode()))


def history(tournament: Tournament, split: str) -> pd.DataFrame:
    """Return the frame of the `train` or `validation` file."""
    periods = PERIODS[tournament]
    first = 1 if split == "train" else periods + 1
    frames = [_period(tournament, split, era) for era in range(first, first + periods)]
    return pd.concat(frames, ignore_index=tournament is Tournament.SIGNALS)


def live(tournament: Tournament, round_number: int, day: date) -> pd.DataFrame:
    """Return the frame of a round's live period, with the target."""
    return _period(tournament, "live", round_number, day)


def example(tournament: Tournament, frame: pd.DataFrame) -> pd.DataFrame:
    """Return predictions of a fixed model with a little skill, as in Numerai's example files."""
    rng = seed_generator("example", tournament, len(frame))
    latent = _latent(tournament, _rescale(tournament, frame)) + rng.normal(0.0, 1.5, len(frame))
    ranks = (latent.argsort().argsort() + 0.5) / len(frame)
    if tournament is Tournament.SIGNALS:
        return pd.DataFrame({"numerai_ticker": frame["numerai_ticker"], "date": frame["date"], "signal": ranks})
    return pd.DataFrame({"prediction": ranks}, index=frame.index)


def benchmarks(frame: pd.DataFrame) -> pd.DataFrame:
    """Return predictions of Classic's benchmark models; their columns are named after data, kind and target."""
    ranks = example(Tournament.CLASSIC, frame)["prediction"]
    return pd.DataFrame({"era": frame["era"], "v52_lgbm_ender20": ranks, "v52_lgbm_ender60": 1 - ranks})


def _period(tournament: Tournament, split: str, era: int, day: date | None = None) -> pd.DataFrame:
    """Return the frame of one era (Classic) or date (Signals, Crypto)."""
    rng = seed_generator(tournament, split, era)
    count = LIVE_ROWS[tournament] if split == "live" else ROWS[tournament]
    when = (day or LAST_TRAINING_FRIDAY + timedelta(weeks=era - PERIODS[tournament])).isoformat()
    keys, index = _keys(tournament, rng, split, era, count, when)
    levels = rng.integers(0, 5, size=(count, len(FEATURES[tournament])))
    frame = pd.DataFrame({**keys, **_features(tournament, rng, levels)}, index=index)
    return frame.assign(**_targets(tournament, rng, (levels - 2.0) / np.sqrt(2.0)))


def _keys(
    tournament: Tournament, rng: np.random.Generator, split: str, era: int, count: int, when: str
) -> tuple[dict[str, Any], pd.Index[Any] | None]:
    """Return the columns that identify the rows, and the index."""
    if tournament is Tournament.CLASSIC:
        ids = sorted(f"n{number:015x}" for number in rng.integers(0, 16**15, size=count))
        keys = {"era": "X" if split == "live" else f"{era:04d}", "data_type": split}
        return keys, pd.Index(ids, name="id")
    universe = names.tickers() if tournament is Tournament.SIGNALS else names.symbols()
    chosen = [universe[place] for place in sorted(rng.permutation(len(universe))[:count])]
    if tournament is Tournament.CRYPTO:
        return {"date": when}, pd.Index(chosen, name="symbol")
    return {
        "numerai_ticker": chosen,
        "composite_figi": [names.figi(ticker) for ticker in chosen],
        "date": when,
        "data_type": split,
        "feature_country": [ticker.split()[1] for ticker in chosen],
    }, None


def _features(tournament: Tournament, rng: np.random.Generator, levels: NDArray[np.int64]) -> dict[str, Any]:
    """Return the features in the tournament's form.

    Classic has int8 from 0 to 4, Crypto multiples of 0.25 and Signals floats with gaps.
    """
    columns = FEATURES[tournament]
    if tournament is Tournament.CLASSIC:
        return {name: levels[:, place].astype(np.int8) for place, name in enumerate(columns)}
    values = levels / 4.0
    if tournament is Tournament.SIGNALS:
        values = (levels - 2.0) / 2.0 + rng.normal(0.0, 0.05, levels.shape)
        values[rng.random(levels.shape) < 0.01] = np.nan
    return {name: values[:, place].astype(np.float32) for place, name in enumerate(columns)}


def _rescale(tournament: Tournament, frame: pd.DataFrame) -> NDArray[np.float64]:
    """Return the features on one scale (mean 0, standard deviation about 1)."""
    values = frame[list(FEATURES[tournament])].to_numpy(dtype=np.float64)
    middle, width = {
        Tournament.CLASSIC: (2.0, 2.0**0.5),
        Tournament.SIGNALS: (0.0, 0.5**0.5),
        Tournament.CRYPTO: (0.5, 0.125**0.5),
    }[tournament]
    scaled: NDArray[np.float64] = np.nan_to_num((values - middle) / width)
    return scaled


def _latent(tournament: Tournament, scaled: NDArray[np.float64]) -> NDArray[np.float64]:
    """Apply the hidden rule: return the part of the return that the features explain, with standard deviation 1."""
    weights = seed_generator("rule", tournament).normal(0.0, 1.0, len(FEATURES[tournament]))
    weights[len(weights) // 2 :] *= 0.3  # the first half, which contains the small feature set, matters most
    weights /= np.sqrt(np.sum(weights**2))
    latent: NDArray[np.float64] = 0.95 * scaled @ weights + 0.3 * scaled[:, 0] * scaled[:, 1]
    return latent


def _targets(
    tournament: Tournament, rng: np.random.Generator, scaled: NDArray[np.float64]
) -> dict[str, NDArray[np.float32]]:
    """Return the main target and related targets; the related ones have gaps, as Numerai's do."""
    latent = _latent(tournament, scaled)
    columns = {}
    for place, name in enumerate(TARGETS[tournament]):
        returns = _SIGNAL * latent + (1 - _SIGNAL**2) ** 0.5 * rng.normal(0.0, 1.0, len(latent))
        share: NDArray[np.float64] = (returns.argsort().argsort() + 0.5) / len(returns)
        binned: NDArray[np.float32] = np.digitize(share, _BIN_EDGES).astype(np.float32) / np.float32(4)
        if place:
            binned[rng.random(len(binned)) < 0.02] = np.nan
        columns[name] = binned
    return columns
