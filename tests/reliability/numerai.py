"""Numerai in a season: which round is open, and which submissions have come."""

from __future__ import annotations

import json
from bisect import bisect_right
from datetime import UTC, datetime

from tests.reliability.clock import Clock
from tests.reliability.faults import Faults
from tests.reliability.fleet import Node, SeasonRound
from trigger.http_call import Answer
from trigger.numerai_api import TOURNAMENTS

_NONSENSE = (
    b"<html>Bad gateway</html>",
    b"{}",
    b'{"data": {"rounds": [{"number": null}], "submissions": [{"round": 1}]}}',
)


class Numerai:
    """The rounds of a season, and the first submission of each node for each of them."""

    def __init__(self, clock: Clock, faults: Faults, rounds: list[SeasonRound], nodes: list[Node]) -> None:
        self._clock, self._faults = clock, faults
        self._rounds = {name: [round_ for round_ in rounds if round_.tournament == name] for name in TOURNAMENTS}
        self._opens = {name: [round_.opens for round_ in listed] for name, listed in self._rounds.items()}
        self._nodes = {node.model_id: node for node in nodes}
        self.submissions: dict[tuple[str, int], list[float]] = {}

    def find_round(self, tournament: str) -> SeasonRound:
        """Return a tournament's latest round; the first one before the season."""
        index = bisect_right(self._opens[tournament], self._clock.now) - 1
        return self._rounds[tournament][max(0, index)]

    def submit(self, node: Node, number: int) -> bool:
        """Take a run's predictions; False if Numerai is down."""
        if self._faults.numerai.is_down(self._clock.now, "numerai"):
            self._faults.tried["upload while Numerai is down"] += 1
            return False
        self.submissions.setdefault((node.name, number), []).append(self._clock.now)
        return True

    def answer(self, body: bytes) -> Answer:
        """Answer a question in GraphQL."""
        request = json.loads(body)
        variables = request["variables"]
        if "tournament" in variables:
            name = next(name for name, number in TOURNAMENTS.items() if number == variables["tournament"])
            round_ = self.find_round(name)
            times = {"openTime": round_.opens, "closeStakingTime": round_.closes}
            texts = {key: datetime.fromtimestamp(value, UTC).isoformat() for key, value in times.items()}
            return _answer({"rounds": [{"number": round_.number, **texts}]})
        node = self._nodes[variables["modelId"]]
        round_ = self.find_round(node.tournament)
        times_ = self.submissions.get((node.name, round_.number), [])
        key = {"number": round_.number, "tournament": TOURNAMENTS[node.tournament]}
        made = [{"insertedAt": datetime.fromtimestamp(at, UTC).isoformat(), "round": key} for at in times_]
        return _answer({"submissions": made})

    def find_nonsense(self, share: float) -> Answer:
        """Return one of the answers that make no sense."""
        return Answer(200, _NONSENSE[int(share * len(_NONSENSE))])


def _answer(data: object) -> Answer:
    return Answer(200, json.dumps({"data": data}).encode())
