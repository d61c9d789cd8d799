"""Scores, stakes and payouts, which depend only on the model, the round and the time.

Every model has submitted to the rounds of the year before the sandbox's first one, apart from a few that it missed. A
round has its first score four days after it opened, a new one each day, and its last one when it resolves. Payouts
follow the formulas of Numerai's documentation, with one payout factor. Nothing can be staked here.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sandbox.numerai.accounts import Accounts
from sandbox.numerai.rounds import FIRST_ROUND, Rounds, resolve_time, score_time, stamp
from sandbox.numerai.submissions import Submissions
from sandbox.numerai.tournaments import Tournament

NMR_PRICE = "9.87"
_YEAR = 366
_WEEKDAYS = range(1, 6)  # rounds open from Tuesday to Saturday
_FACTOR = 0.15
_SCORED_DAYS = 20

_KINDS: dict[Tournament, tuple[dict[str, int], tuple[float, float], float]] = {
    Tournament.CLASSIC: ({"canon_corr": 0, "v2_corr20": 0, "canon_mmc": 1, "mmc": 1}, (0.75, 2.25), 0.05),
    Tournament.SIGNALS: ({"alpha": 0, "mpc": 1, "fnc_v4": 0}, (0.3, 0.8), 0.017),
    Tournament.CRYPTO: ({"canon_corr": 0, "corr": 0, "canon_mmc": 1, "mmc": 1}, (0.0, 1.0), 0.05),
}
"""Tournament -> its scores, each with its place in a pair of values, the multipliers of this pair, and the largest
payout or burn per NMR."""


class Scores:
    """Answers about rounds, ranks and stakes of the models in the store."""

    def __init__(
        self, accounts: Accounts, rounds: Rounds, submissions: Submissions, now: Callable[[], datetime]
    ) -> None:
        self._accounts, self._rounds, self._submissions, self.now = accounts, rounds, submissions, now

    def list_performances(self, model: dict[str, Any], last: int | None = None) -> list[dict[str, Any]]:
        """Return a model's last rounds, newest first, as the API shows them."""
        kind = Tournament(model["tournament"])
        counting = self._submissions.list_counting(model["id"])
        rounds = self._rounds.of(kind)
        shown = [
            self._perform(model, round_["number"], _read(round_), counting.get(round_["number"])) for round_ in rounds
        ]
        first = _read(rounds[-1])
        for number, opened in list_earlier_rounds(first):
            missed = _random(model, number, "missed").random() < 0.03
            shown.append(self._perform(model, number, opened, None if missed else {"state": "on-time"}))
        return shown[:last]

    def list_ranks(self, kind: Tournament) -> list[dict[str, Any]]:
        """Return the leaderboard of a tournament: every model, the best one first."""
        models = [model for model in self._accounts.all_models() if model["tournament"] == kind]
        ranked = sorted(models, key=_find_means, reverse=True)
        return [
            {
                "username": model["name"],
                "rank": 100 + 37 * place,
                "nmr_staked": _format_nmr(find_stake(model)),
                **dict.fromkeys(("corr_rep", "corr20_rep", "corr20_v2_rep"), _find_means(model)[0]),
                **dict.fromkeys(("mmc_rep", "mmc"), _find_means(model)[1]),
            }
            for place, model in enumerate(ranked)
        ]

    def _perform(
        self, model: dict[str, Any], number: int, opened: datetime, submission: dict[str, Any] | None
    ) -> dict[str, Any]:
        now, resolves = self.now(), resolve_time(opened)
        staked = submission is not None and submission["state"] == "on-time"
        at_risk = find_stake(model) if staked else 0.0
        scored = (now - score_time(opened)) / (resolves - score_time(opened))
        is_scored = submission is not None and scored >= 0
        return {
            "round_number": number,
            "round_open_time": stamp(opened),
            "round_resolve_time": stamp(resolves),
            "round_resolved": now >= resolves,
            "round_target": "target",
            "round_payout_factor": str(_FACTOR),
            "payout_multipliers": [],
            "at_risk": _format_nmr(at_risk),
            "submission_scores": _score(model, number, at_risk, min(scored, 1.0)) if is_scored else None,
        }


def list_earlier_rounds(first: datetime) -> Iterator[tuple[int, datetime]]:
    """Yield the numbers and the times of opening of the rounds in the year before the sandbox's first one."""
    days = (first - timedelta(days=days) for days in range(1, _YEAR))
    for place, opened in enumerate(day for day in days if day.weekday() in _WEEKDAYS):
        yield FIRST_ROUND - 1 - place, opened


def find_stake(model: dict[str, Any]) -> float:
    """Return a model's stake in NMR; a few models have none."""
    rng = _random(model, 0, "stake")
    return 0.0 if rng.random() < 0.2 else round(rng.uniform(5, 60), 2)


def _score(model: dict[str, Any], number: int, at_risk: float, scored: float) -> list[dict[str, Any]]:
    """Return the newest scores of a round, of which the part `scored` has passed."""
    names, multipliers, limit = _KINDS[Tournament(model["tournament"])]
    day = 1 + int(scored * (_SCORED_DAYS - 1))
    left = 1 - day / _SCORED_DAYS
    rng, daily = _random(model, number, "final"), _random(model, number, f"day {day}")
    means = _find_means(model)
    finals = (rng.gauss(means[0], 0.018), rng.gauss(means[1], 0.007))
    values = [round(final + left * daily.gauss(0, 0.01), 6) for final in finals]
    earned = _FACTOR * sum(value * multiplier for value, multiplier in zip(values, multipliers, strict=True))
    payout = at_risk * max(-limit, min(limit, earned))
    payouts = {"payout_pending": _format_nmr(payout), "payout_settled": _format_nmr(payout) if scored >= 1 else None}
    return [
        {
            "display_name": name,
            "value": values[place],
            "percentile": round(min(max(0.5 + 10 * values[place], 0.001), 0.999), 4),
            "day": day,
            **payouts,
        }
        for name, place in names.items()
    ]


def _find_means(model: dict[str, Any]) -> tuple[float, float]:
    rng = _random(model, 0, "means")
    return round(rng.uniform(0.004, 0.022), 6), round(rng.uniform(-0.001, 0.006), 6)


def _random(model: dict[str, Any], number: int, what: str) -> random.Random:
    return random.Random(f"{model['id']}/{number}/{what}")  # noqa: S311 - scores, not secrets


def _read(round_: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(round_["open_time"])


def _format_nmr(amount: float) -> str:
    return f"{Decimal(str(amount)):.18f}"
