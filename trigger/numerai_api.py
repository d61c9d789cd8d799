"""Asks Numerai which round is open and whether a model has a submission for it.

Numerai's API answers POSTs of GraphQL. The queries are those of numerapi 3.1.1 (`check_round_open`) and numerai-cli
1.1.7 (`submissions`). Rounds need no keys; submissions need a key with the scope `read_submission_info`.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, NamedTuple

from trigger.http_call import call_until_answered

URL = "https://api-tournament.numer.ai"
TOURNAMENTS = {"classic": 8, "signals": 11, "crypto": 12}
_ROUND = "query($tournament: Int!) { rounds(tournament: $tournament, number: 0) { number openTime closeStakingTime } }"
_SUBMISSIONS = "query($modelId: String!) { submissions(modelId: $modelId) { insertedAt round { number tournament } } }"


class NumeraiError(Exception):
    """Numerai did not say what was asked. The sentence can be logged."""


class KeysRefused(NumeraiError):
    """Numerai does not accept the keys for this question; asking again will not help."""


class Keys(NamedTuple):
    """Numerai's API keys of one account."""

    public_id: str
    secret: str

    def __repr__(self) -> str:
        return "Keys(***)"


class Round(NamedTuple):
    """A round of a tournament; times are seconds since 1970. A submission after `closes` cannot be staked."""

    number: int
    opens: float
    closes: float


class Numerai:
    """Numerai's answers."""

    def find_round(self, tournament: str) -> Round | None:
        """Return the tournament's latest round, open or closed; None between rounds. Raises NumeraiError."""
        try:
            data = _query(_ROUND, {"tournament": TOURNAMENTS[tournament]})
        except _NothingError:  # Numerai's answer between rounds
            return None
        try:
            found = next(iter(data["rounds"] or []), None)
            if found is None:
                return None
            number = found["number"]
            if not isinstance(number, int) or isinstance(number, bool):
                raise TypeError(number)
            return Round(number, _read_time(found["openTime"]), _read_time(found["closeStakingTime"]))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise NumeraiError(f"Numerai's answer about rounds was not understood ({error!r})") from error

    def find_submission(self, model_id: str, tournament: str, number: int, keys: Keys) -> float | None:
        """Return when the model's newest submission for a round came; None without one. Raises NumeraiError."""
        data = _query(_SUBMISSIONS, {"modelId": model_id}, keys)
        wanted = (number, TOURNAMENTS[tournament])
        try:
            of_round = (item for item in data["submissions"] or [] if item and item["round"])
            times = [
                _read_time(item["insertedAt"])
                for item in of_round
                if (item["round"]["number"], item["round"]["tournament"]) == wanted
            ]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise NumeraiError(f"Numerai's answer about submissions was not understood ({error!r})") from error
        return max(times, default=None)


class _NothingError(NumeraiError):
    """Numerai answered with an error of the query."""


def _query(query: str, variables: dict[str, Any], keys: Keys | None = None) -> dict[str, Any]:
    # Many a content delivery network refuses urllib's own name.
    headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "prediction-nodes"}
    if keys:
        headers["Authorization"] = f"Token {keys.public_id}${keys.secret}"
    body = json.dumps({"query": query, "variables": variables}).encode()
    try:
        answer = call_until_answered("POST", URL, headers, body)
    except OSError as error:
        raise NumeraiError(f"Numerai did not answer: {error}") from error
    if answer.status in (401, 403):
        raise KeysRefused(f"Numerai refused the API keys ({answer.status})")
    try:
        content = json.loads(answer.body)
        errors, data = content.get("errors"), content.get("data")
    except (ValueError, AttributeError):
        raise NumeraiError(f"Numerai answered {answer.status} without JSON") from None
    if answer.status != 200 or (not errors and not isinstance(data, dict)):
        raise NumeraiError(f"Numerai answered {answer.status} without data")
    if errors:
        message = str(errors[0].get("message", "") if isinstance(errors, list) and errors else errors)[:200]
        raise (KeysRefused if keys else _NothingError)(f"Numerai refused: {message}")
    return dict(data)


def _read_time(text: str) -> float:
    """Return the seconds since 1970 of an ISO 8601 time; without a time zone it is UTC."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = datetime.fromisoformat(f"{text}+00:00")
    return moment.timestamp()
