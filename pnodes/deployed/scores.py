"""What Numerai says about the nodes' models: scores, ranks, stakes and payouts, kept in `.pnodes/scores.json`.

An hour passes before Numerai is asked again. A refresh sends one public query for each model, for its rounds since the
oldest one that is not resolved; one for each tournament, for ranks and stakes; and one for the price of NMR. A model
that nodes.yaml names by its id needs its name once, for which the account's keys are used.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from nodefile import Tournament
from nodefile.model import is_uuid
from pnodes.atomic import write
from pnodes.deployed.stack import DeployedStack, StackNode
from pnodes.project import OWN_FOLDER, make_own_folder
from pnodes.wording import moment
from providers.numerai.client import Client, NumeraiBusy, NumeraiSilent
from providers.numerai.scores import RoundScores, parse_nmr, parse_performances
from providers.refusal import Refusal

FRESH = timedelta(hours=1)
_FILE = "scores.json"
_YEAR = timedelta(days=365)
_MARGIN = timedelta(days=2)  # a round that was open when Numerai was asked
_AT_ONCE = 4
_BUSY_SECONDS = 60.0


@dataclass(frozen=True)
class Rank:
    """A model's place on its tournament's leaderboard, and its stake in NMR; None if it has none."""

    rank: int | None
    stake: float | None


@dataclass(frozen=True)
class Scores:
    """What is known about a model, as of `at`; rounds of the last year, newest first. `price`: USD for 1 NMR."""

    rounds: tuple[RoundScores, ...]
    rank: Rank
    price: float | None
    at: datetime

    @property
    def latest(self) -> RoundScores | None:
        """The newest round that has scores."""
        return next((round_ for round_ in self.rounds if round_.values), None)

    @property
    def resolving(self) -> int:
        """How many rounds have scores that are not final."""
        return sum(bool(round_.values) and not round_.resolved for round_ in self.rounds)

    @property
    def means(self) -> dict[str, float]:
        """The mean of each score over the resolved rounds of the last year, which Numerai calls reputation."""
        values: dict[str, list[float]] = {}
        for round_ in self.rounds:
            for label, value in round_.values.items() if round_.resolved else ():
                values.setdefault(label, []).append(value)
        return {label: sum(numbers) / len(numbers) for label, numbers in values.items()}

    def sum_payouts(self, resolved: bool) -> float:
        """Return the payouts in NMR of the last year's resolved rounds, or of those that still resolve."""
        return sum(round_.payout or 0.0 for round_ in self.rounds if round_.resolved is resolved)


@dataclass
class _Model:
    rounds: list[RoundScores]
    at: datetime


@dataclass
class _Leaderboard:
    ranks: dict[str, Rank]
    at: datetime


@dataclass
class _Cache:
    models: dict[str, _Model] = field(default_factory=dict)
    leaderboards: dict[str, _Leaderboard] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    price: tuple[float | None, datetime] | None = None
    busy_until: datetime | None = None


_FORM = TypeAdapter(_Cache)
_Problems = defaultdict[str, list[str]]


class ScoreBook:
    """The scores of a project's nodes; safe to use from several threads."""

    def __init__(self, project: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._project, self._now, self._lock, self._silence = project, now, threading.Lock(), ""
        try:
            self._cache = _FORM.validate_json((project / OWN_FOLDER / _FILE).read_bytes())
        except (OSError, ValidationError):
            self._cache = _Cache()  # there is none, or another version of this project wrote it

    def read(self, node: StackNode) -> Scores | None:
        """Return what is known about a node's model without asking Numerai; None if it was never asked."""
        model = self._cache.models.get(node.model_id)
        if model is None:
            return None
        board = self._cache.leaderboards.get(node.tournament)
        rank = board.ranks.get(self._cache.names.get(node.model_id, "")) if board else None
        price = self._cache.price[0] if self._cache.price else None
        return Scores(tuple(model.rounds), rank or Rank(None, None), price, model.at)

    def refresh(self, stack: DeployedStack, nodes: Sequence[StackNode]) -> dict[str, list[str]]:
        """Ask Numerai for whatever is older than an hour. Returns the nodes' names by each problem, a sentence."""
        with self._lock:
            self._silence, problems = "", _Problems(list)
            for node in nodes:
                self._attempt(problems, [node], partial(self._ask_name, stack, node))
            for tournament in sorted({node.tournament for node in nodes}):
                group = [node for node in nodes if node.tournament == tournament]
                self._attempt(problems, group, partial(self._ask_leaderboard, tournament, group))
            self._attempt(problems, nodes, self._ask_price)
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                list(pool.map(lambda node: self._attempt(problems, [node], partial(self._ask_rounds, node)), nodes))
            try:
                write(make_own_folder(self._project) / _FILE, _FORM.dump_json(self._cache).decode())
            except OSError as error:
                problems[f"The scores could not be kept in {OWN_FOLDER}/{_FILE}: {error.strerror}."] = []
            order = [node.name for node in nodes]
            return {sentence: sorted(set(names), key=order.index) for sentence, names in problems.items()}

    def _attempt(self, problems: _Problems, nodes: Iterable[StackNode], ask: Callable[[], None]) -> None:
        """Ask, unless Numerai no longer answers or has asked for a pause."""
        names = [node.name for node in nodes]
        try:
            if self._silence:
                raise Refusal(self._silence)
            ask()
        except NumeraiBusy as error:
            self._cache.busy_until = self._now() + timedelta(seconds=max(error.seconds, _BUSY_SECONDS))
            problems[str(error)].extend(names)
        except NumeraiSilent as error:
            self._silence = str(error)
            problems[self._silence].extend(names)
        except Refusal as error:
            problems[str(error)].extend(names)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            problems[f"Numerai's answer about scores was not understood ({error!r})."].extend(names)

    def _client(self) -> Client:
        until = self._cache.busy_until
        if until and self._now() < until:
            raise Refusal(f"Numerai accepts no more requests for now and is asked again from {moment(until)} on.")
        return Client()

    def _ask_leaderboard(self, tournament: str, nodes: Sequence[StackNode]) -> None:
        names = {self._cache.names[node.model_id] for node in nodes if node.model_id in self._cache.names}
        board = self._cache.leaderboards.get(tournament)
        if board is None or self._is_old(board.at) or not names <= board.ranks.keys():
            answer = self._client().leaderboard(Tournament(tournament).number)
            rows = {row["username"]: row for row in answer}
            self._cache.leaderboards[tournament] = _Leaderboard(
                {name: _read_rank(rows.get(name, {})) for name in names}, self._now()
            )

    def _ask_price(self) -> None:
        if self._cache.price is None or self._is_old(self._cache.price[1]):
            self._cache.price = (self._client().nmr_price(), self._now())

    def _ask_name(self, stack: DeployedStack, node: StackNode) -> None:
        name = str((node.settings or {}).get("model") or node.model_id)
        if not is_uuid(name):
            self._cache.names[node.model_id] = name
        elif node.model_id not in self._cache.names:
            models = stack.numerai(node).account()["models"]
            self._cache.names |= {model["id"]: model["name"] for model in models}

    def _ask_rounds(self, node: StackNode) -> None:
        known, now = self._cache.models.get(node.model_id), self._now()
        if known and not self._is_old(known.at):
            return
        since = now - _YEAR
        if known:
            since = min([known.at - _MARGIN, *(round_.opened for round_ in known.rounds if not round_.resolved)])
        # A tournament opens at most one round a day.
        days = min((now - since).days, _YEAR.days) + 1
        answer = self._client().performances(node.model_id, Tournament(node.tournament).number, days)
        rounds = {round_.number: round_ for round_ in (known.rounds if known else [])}
        rounds |= {round_.number: round_ for round_ in parse_performances(node.tournament, answer)}
        kept = [rounds[number] for number in sorted(rounds, reverse=True) if rounds[number].opened >= now - _YEAR]
        self._cache.models[node.model_id] = _Model(kept, now)

    def _is_old(self, at: datetime) -> bool:
        return self._now() - at >= FRESH


def _read_rank(row: Mapping[str, Any]) -> Rank:
    rank = row.get("rank")
    return Rank(None if rank is None else int(rank), parse_nmr(row.get("nmrStaked")))
