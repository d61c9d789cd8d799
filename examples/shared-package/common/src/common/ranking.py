"""Ranks, which are all that Numerai scores, and an unbiased estimate of their quality."""

from collections.abc import Callable

import pandas as pd

from common.data import ERA, TARGET

HELD_OUT = 0.2
OVERLAPPING_ERAS = 4  # the target covers the next four weeks, and an era is one week


def ranked(predictions: pd.Series) -> pd.Series:
    """Return ranks strictly between 0 and 1 in the same order."""
    return ((predictions.rank() - 0.5) / len(predictions)).rename("prediction")


def score(frame: pd.DataFrame, predictions: pd.Series) -> pd.Series:
    """Return the rank correlation with the target for each era."""
    both = frame[[ERA, TARGET]].assign(prediction=predictions)
    return both.groupby(ERA)[["prediction", TARGET]].apply(lambda part: part["prediction"].rank().corr(part[TARGET]))


def held_out_scores(frame: pd.DataFrame, learn: Callable[[pd.DataFrame, pd.DataFrame], pd.Series]) -> pd.Series:
    """Score `learn(seen, held_out)` on the last eras; `seen` contains only eras well before them."""
    eras = frame[ERA].astype(int)
    first = sorted(eras.unique())[-max(1, int(eras.nunique() * HELD_OUT))]
    seen, held_out = frame[eras < first - OVERLAPPING_ERAS], frame[eras >= first]
    scores = score(held_out, learn(seen, held_out))
    print(f"correlation on {len(scores)} held-out eras: mean {scores.mean():.4f}, deviation {scores.std():.4f}")
    return scores
