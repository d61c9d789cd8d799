"""A model's rounds as Numerai scores them: the scores of its tournament, the stake at risk and the payout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from providers.operations import read_time

SCORES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "classic": {"CORR": ("canon_corr", "v2_corr20", "corr"), "MMC": ("canon_mmc", "mmc")},
    "signals": {"Alpha": ("alpha", "canon_alpha"), "MPC": ("mpc", "canon_mpc")},
    "crypto": {"CORR": ("canon_corr", "corr"), "MMC": ("canon_mmc", "mmc")},
}
"""Tournament -> the scores that are shown, each with Numerai's names for it, the first one that a round has counts.
Numerai's "canon" scores follow the scores that pay, which have changed over the years."""


@dataclass(frozen=True)
class RoundScores:
    """A round of a model. Until it is resolved, scores and payout change every day. `payout` is in NMR."""

    number: int
    opened: datetime
    resolves: datetime | None
    resolved: bool
    at_risk: float
    payout: float | None
    values: dict[str, float]


def parse_performances(tournament: str, performances: Sequence[Mapping[str, Any]]) -> list[RoundScores]:
    """Return the rounds, newest first, without resolved rounds to which the model did not submit."""
    rounds = [_parse(tournament, performance) for performance in performances]
    kept = [round_ for round_ in rounds if round_.values or round_.at_risk or not round_.resolved]
    return sorted(kept, key=lambda round_: round_.number, reverse=True)


def parse_nmr(text: object) -> float | None:
    """Return an amount of NMR, which Numerai writes as text, with commas in large ones."""
    return None if text is None else float(str(text).replace(",", ""))


def _parse(tournament: str, performance: Mapping[str, Any]) -> RoundScores:
    scores = performance["submissionScores"] or []
    resolved = bool(performance["roundResolved"])
    by_name = {score["displayName"]: score["value"] for score in scores if score["value"] is not None}
    values: dict[str, float] = {}
    for label, names in SCORES[tournament].items():
        candidates = [by_name[name] for name in names if name in by_name]
        values |= {label: float(candidates[0])} if candidates else {}
    # Each score repeats the payout of the whole round.
    order = ("payoutSettled", "payoutPending") if resolved else ("payoutPending",)
    payouts = [parse_nmr(score[key]) for key in order for score in scores if score.get(key) is not None]
    return RoundScores(
        number=int(performance["roundNumber"]),
        opened=read_time(performance["roundOpenTime"]) or datetime.min.replace(tzinfo=UTC),
        resolves=read_time(performance["roundResolveTime"]),
        resolved=resolved,
        at_risk=parse_nmr(performance["atRisk"]) or 0.0,
        payout=payouts[0] if payouts else None,
        values=values,
    )
