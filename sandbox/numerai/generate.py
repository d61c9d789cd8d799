"""Market data in Numerai's formats, made from fixed seeds: the same files on every machine.

Each tournament has a hidden rule from features to target (mostly linear, with one interaction) under noise, so that a
model can learn something and an honest score tells. The correlations are far above those of real markets. Frames for
the live period carry the target too; `datasets` leaves it out of what can be downloaded.
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
_BIN_EDGES = (0.05, 0.25, 0.75, 0.95)  # the shares of Numerai's bins: 5, 20, 50, 20 and 5 %
_SIGNAL = 0.6


def generator(*what: object) -> np.random.Generator:
    """A random generator that depends on nothing but its name."""
    return np.random.default_rng(zlib.crc32("/".join(map(str, what)).encode()))


def history(tournament: Tournament, split: str) -> pd.DataFrame:
    """The frame of the `train` or `validation` file."""
    periods = PERIODS[tournament]
    first = 1 if split == "train" else periods + 1
    frames = [_period(tournament, split, era) for era in range(first, first + periods)]
    return pd.concat(frames, ignore_index=tournament is Tournament.SIGNALS)


def live(tournament: Tournament, round_number: int, day: date) -> pd.DataFrame:
    """The live period of a round, with the target that the round will have."""
    return _period(tournament, "live", round_number, day)


def example(tournament: Tournament, frame: pd.DataFrame) -> pd.DataFrame:
    """Predictions of a fixed model that knows a little, as in Numerai's example files."""
    rng = generator("example", tournament, len(frame))
    latent = _latent(tournament, _scaled(tournament, frame)) + rng.normal(0.0, 1.5, len(frame))
    ranks = (latent.argsort().argsort() + 0.5) / len(frame)
    if tournament is Tournament.SIGNALS:
        return pd.DataFrame({"numerai_ticker": frame["numerai_ticker"], "date": frame["date"], "signal": ranks})
    return pd.DataFrame({"prediction": ranks}, index=frame.index)


def _period(tournament: Tournament, split: str, era: int, day: date | None = None) -> pd.DataFrame:
    """One era (Classic) or date (Signals, Crypto)."""
    rng = generator(tournament, split, era)
    count = LIVE_ROWS[tournament] if split == "live" else ROWS[tournament]
    when = (day or LAST_TRAINING_FRIDAY + timedelta(weeks=era - PERIODS[tournament])).isoformat()
    keys, index = _keys(tournament, rng, split, era, count, when)
    levels = rng.integers(0, 5, size=(count, len(FEATURES[tournament])))
    frame = pd.DataFrame({**keys, **_features(tournament, rng, levels)}, index=index)
    return frame.assign(**_targets(tournament, rng, (levels - 2.0) / np.sqrt(2.0)))


def _keys(
    tournament: Tournament, rng: np.random.Generator, split: str, era: int, count: int, when: str
) -> tuple[dict[str, Any], pd.Index[Any] | None]:
    """The columns that say which row it is, and the index."""
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
    """Features as the tournament writes them: Classic 0..4 as int8, Crypto quarters of 1, Signals floats with gaps."""
    columns = FEATURES[tournament]
    if tournament is Tournament.CLASSIC:
        return {name: levels[:, place].astype(np.int8) for place, name in enumerate(columns)}
    values = levels / 4.0
    if tournament is Tournament.SIGNALS:
        values = (levels - 2.0) / 2.0 + rng.normal(0.0, 0.05, levels.shape)
        values[rng.random(levels.shape) < 0.01] = np.nan
    return {name: values[:, place].astype(np.float32) for place, name in enumerate(columns)}


def _scaled(tournament: Tournament, frame: pd.DataFrame) -> NDArray[np.float64]:
    """Features back on one scale (mean 0, deviation about 1)."""
    values = frame[list(FEATURES[tournament])].to_numpy(dtype=np.float64)
    middle, width = {
        Tournament.CLASSIC: (2.0, 2.0**0.5),
        Tournament.SIGNALS: (0.0, 0.5**0.5),
        Tournament.CRYPTO: (0.5, 0.125**0.5),
    }[tournament]
    scaled: NDArray[np.float64] = np.nan_to_num((values - middle) / width)
    return scaled


def _latent(tournament: Tournament, scaled: NDArray[np.float64]) -> NDArray[np.float64]:
    """The hidden rule: what the features say about the return, with deviation 1."""
    weights = generator("rule", tournament).normal(0.0, 1.0, len(FEATURES[tournament]))
    weights[len(weights) // 2 :] *= 0.3  # the first half, where the small feature set is, says most
    weights /= np.sqrt(np.sum(weights**2))
    latent: NDArray[np.float64] = 0.95 * scaled @ weights + 0.3 * scaled[:, 0] * scaled[:, 1]
    return latent


def _targets(
    tournament: Tournament, rng: np.random.Generator, scaled: NDArray[np.float64]
) -> dict[str, NDArray[np.float32]]:
    """The main target and relatives of it; the relatives have gaps as Numerai's do."""
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
