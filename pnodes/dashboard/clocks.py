"""The round clocks and the totals at the top of the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pnodes.dashboard.rounds import Round, expect_opening
from pnodes.dashboard.sources import ROUNDS
from pnodes.dashboard.view import NodeView, list_rounds
from pnodes.dashboard.watch import Snapshot
from pnodes.dashboard.words import moment, nmr, plural, usd
from pnodes.plan import spending


@dataclass(frozen=True)
class Clock:
    """The clock of a tournament, which counts down to `until`; `state` is `open`, `closed`, `waiting` or `unknown`."""

    tournament: str
    state: str
    headline: str
    label: str
    begins: datetime | None
    until: datetime | None
    details: tuple[str, ...]
    problem: str
    next_opening: datetime | None = None
    expected: bool = False
    """Whether Numerai has not announced the next opening: it is that of the round a week earlier, a week later."""

    def remaining_percent(self, now: datetime) -> float:
        """Return the remaining part of the countdown in per cent."""
        if self.begins is None or self.until is None or self.until <= self.begins:
            return 0.0
        remaining = (self.until - now) / (self.until - self.begins)
        return round(min(max(remaining, 0.0), 1.0) * 100, 1)


@dataclass(frozen=True)
class Summary:
    """Totals over all nodes."""

    nodes: str
    cost: str
    cost_note: str
    paid: str
    """The payouts of the last year; empty if no scores are known."""
    paid_note: str


def build_clock(snapshot: Snapshot, tournament: str, nodes: Sequence[NodeView], now: datetime) -> Clock:
    """Build a tournament's clock, including the number of its nodes that have submitted for the round."""
    answer = snapshot.of(ROUNDS, tournament)
    problem = snapshot.scrubber.scrub_foreign(answer.problem)
    rounds = list_rounds(snapshot, tournament)
    participants = [node for node in nodes if node.node.tournament == tournament]
    current = next((round_ for round_ in reversed(rounds) if round_.opens is None or round_.opens <= now), None)
    upcoming = next((round_ for round_ in rounds if round_.opens is not None and round_.opens > now), None)
    opening = upcoming.opens if upcoming else expect_opening(rounds, now)
    expected = upcoming is None and opening is not None
    submitted = _count_submissions(current, participants) if current is not None else ""
    if current is not None and current.open_at(now):
        times = [f"opened {moment(current.opens)}" if current.opens else "", f"closes {moment(current.closes or now)}"]
        details = _drop_empty([", ".join(filter(None, times)), submitted])
        return Clock(
            tournament, "open", f"round {current.number} is open", "closes in", current.opens, current.closes, details,
            problem, opening, expected,
        )  # fmt: skip
    if current is None and upcoming is None:
        state, headline = ("waiting", "asking Numerai") if answer.waiting else ("unknown", "no round is known")
        return Clock(tournament, state, headline, "", None, None, (), problem)
    closed = f"closed {moment(current.closes)}" if current is not None and current.closes else ""
    headline = f"round {current.number} is closed" if current is not None else "no round yet"
    if upcoming is not None:
        label, announced = "opens in", f"round {upcoming.number} opens {moment(opening)}"
    elif opening is not None:
        label, announced = "expected in", f"expected {moment(opening)}, not announced by Numerai"
    else:
        label, announced = "", "Numerai has not announced the next opening yet"
    begins = current.closes if current is not None and opening is not None else None
    details = _drop_empty([announced, closed, submitted])
    return Clock(tournament, "closed", headline, label, begins, opening, details, problem, opening, expected)


def _drop_empty(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(text for text in texts if text)


def _count_submissions(current: Round, nodes: Sequence[NodeView]) -> str:
    answered = [node for node in nodes if node.submissions_known]
    if not answered:
        return ""
    sent = [[one for one in node.submissions if one.round == current.number] for node in answered]
    on_time = sum(any(one.on_time is not False for one in submissions) for submissions in sent)
    late = sum(bool(submissions) for submissions in sent) - on_time
    return f"{on_time} of {plural(len(answered), 'node')} submitted on time" + (f", {late} late" if late else "")


def summarise(snapshot: Snapshot, nodes: Sequence[NodeView]) -> Summary:
    """Return the totals shown above the nodes."""
    clouds = sorted({node.node.facts.cloud for node in nodes})
    costs = [node.cost.usd for node in nodes if node.cost.usd is not None]
    without = [node.node.name for node in nodes if node.cost.usd is None]
    since = min((node.cost.since for node in nodes if node.cost.since), default=None)
    runs = sum(node.cost.runs for node in nodes if node.cost.usd is not None)
    idle = spending.estimate_idle_month(snapshot.deployment.nodes)
    note = [f"estimated from {plural(runs, 'run')}" + (f" since {moment(since)}" if since else "")]
    note += [f"{usd(idle)} a month while idle"] if idle is not None else []
    note += [f"without {', '.join(without)}"] if without else []
    return Summary(
        f"{plural(len(nodes), 'node')} on {', '.join(clouds) or 'no cloud'}", usd(sum(costs)) if costs else "not known",
        "; ".join(note), *_sum_payouts(nodes),
    )  # fmt: skip


def _sum_payouts(nodes: Sequence[NodeView]) -> tuple[str, str]:
    # Several nodes may have the same model, whose payouts count once.
    scored = list({node.node.model_id: node.scores for node in nodes if node.scores}.values())
    if not scored:
        return "", ""
    paid, pending = (sum(scores.sum_payouts(resolved) for scores in scored) for resolved in (True, False))
    note = [f"{nmr(pending)} pending in {plural(sum(scores.resolving for scores in scored), 'round')}"]
    note += [f"at {usd(price)} for 1 NMR" for price in {scores.price for scores in scored} if price is not None]
    return nmr(paid), "; ".join(note)
