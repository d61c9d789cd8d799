"""Joins a node's rounds: what each earned at Numerai, the runs that its trigger recorded, and what these cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pnodes.deployed.history import RoundRecord
from pnodes.deployed.scores import Scores
from pnodes.deployed.stack import StackNode
from pnodes.plan.spending import estimate_spending
from providers.numerai.scores import RoundScores


@dataclass(frozen=True)
class Earnings:
    """A round with its scores, its recorded runs, or both. Amounts are in USD; None if they are not known."""

    number: int
    scores: RoundScores | None
    record: RoundRecord | None
    cost: float | None
    earned: float | None
    """The payout at today's price of NMR; until the round is resolved, the pending one."""

    @property
    def net(self) -> float | None:
        """What the round earned less what its runs cost."""
        return None if self.cost is None or self.earned is None else self.earned - self.cost


def join_rounds(node: StackNode, scores: Scores | None, history: Sequence[RoundRecord]) -> list[Earnings]:
    """Return a node's rounds, newest first."""
    records = {record.number: record for record in history}
    price = scores.price if scores else None
    scored = {round_.number: round_ for round_ in (scores.rounds if scores else ())}
    entered = {number for number, round_ in scored.items() if round_.values or round_.at_risk}
    rounds = []
    for number in sorted(entered | records.keys(), reverse=True):
        round_, record = scored.get(number), records.get(number)
        cost = estimate_spending(node, record.runs).usd if record and record.runs else None
        # A round without a stake earns nothing, whatever its scores are.
        payout = (round_.payout or 0.0) if round_ and round_.values else None
        earned = None if price is None or payout is None else payout * price
        rounds.append(Earnings(number, round_, record, cost, earned))
    return rounds


def sum_known(rounds: Sequence[Earnings]) -> tuple[int, float, float]:
    """Return how many rounds have both a cost and earnings, and the sums of the two."""
    known = [(round_.cost, round_.earned) for round_ in rounds if round_.cost is not None and round_.earned is not None]
    return len(known), sum(cost for cost, _ in known), sum(earned for _, earned in known)
