"""The round clocks, and the sums above the nodes: what a person wants to know before anything else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pnodes.dashboard import spending
from pnodes.dashboard.sources import ROUNDS
from pnodes.dashboard.story import Round
from pnodes.dashboard.view import NodeView, known_rounds
from pnodes.dashboard.watch import Snapshot
from pnodes.dashboard.words import moment, plural, usd


@dataclass(frozen=True)
class Clock:
    """One tournament. `state`: `open`, `closed`, `waiting` or `unknown`; `until` is what it counts down to."""

    tournament: str
    state: str
    headline: str
    label: str
    begins: datetime | None
    until: datetime | None
    details: tuple[str, ...]
    problem: str

    def share(self, now: datetime) -> float:
        """How much of the time that it counts down is left, in per cent."""
        if self.begins is None or self.until is None or self.until <= self.begins:
            return 0.0
        left = (self.until - now) / (self.until - self.begins)
        return round(min(max(left, 0.0), 1.0) * 100, 1)


@dataclass(frozen=True)
class Summary:
    """Sums over all nodes."""

    nodes: str
    attention: tuple[str, ...]
    cost: str
    cost_note: str


def clock(snapshot: Snapshot, tournament: str, nodes: Sequence[NodeView], now: datetime) -> Clock:
    """A tournament's clock, with how many of its nodes are done with the round."""
    answer = snapshot.of(ROUNDS, tournament)
    problem = snapshot.scrubber.scrub_foreign(answer.problem)
    details: tuple[str, ...]
    known = known_rounds(snapshot, tournament)
    mine = [node for node in nodes if node.node.tournament == tournament]
    current = next((one for one in reversed(known) if one.opens is None or one.opens <= now), None)
    coming = next((one for one in known if one.opens is not None and one.opens > now), None)
    if current is not None and current.open_at(now):
        times = [f"opened {moment(current.opens)}" if current.opens else "", f"closes {moment(current.closes or now)}"]
        details = (", ".join(filter(None, times)), _done(current, mine))
        return Clock(
            tournament, "open", f"round {current.number} is open", "closes in", current.opens, current.closes, details,
            problem,
        )  # fmt: skip
    if current is None and coming is None:
        state = "waiting" if answer.waiting else "unknown"
        said = "asking Numerai" if answer.waiting else "no round is known"
        return Clock(tournament, state, said, "", None, None, (), problem)
    closed = f"closed {moment(current.closes)}" if current is not None and current.closes else ""
    name = f"round {current.number} is closed" if current is not None else "no round yet"
    done = _done(current, mine) if current is not None else ""
    if coming is not None:
        begins = current.closes if current is not None else None
        details = (f"round {coming.number} opens {moment(coming.opens or now)}", closed, done)
        return Clock(tournament, "closed", name, "opens in", begins, coming.opens, _some(details), problem)
    told = "Numerai has not told yet when the next one opens"
    return Clock(tournament, "closed", name, "", None, None, _some((closed, done, told)), problem)


def _some(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(text for text in texts if text)


def _done(current: Round, mine: Sequence[NodeView]) -> str:
    asked = [node for node in mine if node.sent_known]
    if not asked:
        return ""
    cells = [cell for node in asked for cell in node.cells if cell.round == current.number]
    done = sum(cell.kind == "on-time" for cell in cells)
    late = sum(cell.kind == "late" for cell in cells)
    return f"{done} of {plural(len(asked), 'node')} submitted on time" + (f", {late} late" if late else "")


def summary(snapshot: Snapshot, nodes: Sequence[NodeView]) -> Summary:
    """What stands above the nodes."""
    bad = tuple(node.node.name for node in nodes if node.level == "bad" or node.problems)
    places = sorted({node.node.cloud for node in nodes})
    known = [node.cost.usd for node in nodes if node.cost.usd is not None]
    without = [node.node.name for node in nodes if node.cost.usd is None]
    since = min((node.cost.since for node in nodes if node.cost.since), default=None)
    runs = sum(node.cost.runs for node in nodes if node.cost.usd is not None)
    resting = spending.rest(snapshot.deployment)
    note = [f"estimated from {plural(runs, 'run')}" + (f" since {moment(since)}" if since else "")]
    note += [f"{usd(resting)} a month at rest"] if resting is not None else []
    note += [f"without {', '.join(without)}"] if without else []
    return Summary(
        f"{plural(len(nodes), 'node')} on {', '.join(places)}", bad, usd(sum(known)) if known else "not known",
        "; ".join(note),
    )  # fmt: skip
