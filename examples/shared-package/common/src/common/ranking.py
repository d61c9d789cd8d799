"""Ranks, which are all that Numerai scores, and an honest estimate of how good they are."""

from collections.abc import Callable

import pandas as pd

from common.data import ERA, TARGET

HELD_OUT = 0.2
OVERLAPPING_ERAS = 4  # the target looks four weeks ahead, and an era is a week


def ranked(predictions: pd.Series) -> pd.Series:
    """The same order as ranks strictly between 0 and 1."""
    return ((predictions.rank() - 0.5) / len(predictions)).rename("prediction")


def score(frame: pd.DataFrame, predictions: pd.Series) -> pd.Series:
    """The rank correlation with the target in each era."""
    both = frame[[ERA, TARGET]].assign(prediction=predictions)
    return both.groupby(ERA)[["prediction", TARGET]].apply(lambda part: part["prediction"].rank().corr(part[TARGET]))


def held_out_scores(frame: pd.DataFrame, learn: Callable[[pd.DataFrame, pd.DataFrame], pd.Series]) -> pd.Series:
    """Scores on the last eras by `learn(seen, held_out)`, which sees only eras well before them."""
    eras = frame[ERA].astype(int)
    first = sorted(eras.unique())[-max(1, int(eras.nunique() * HELD_OUT))]
    seen, held_out = frame[eras < first - OVERLAPPING_ERAS], frame[eras >= first]
    scores = score(held_out, learn(seen, held_out))
    print(f"correlation on {len(scores)} held-out eras: mean {scores.mean():.4f}, deviation {scores.std():.4f}")
    return scores
