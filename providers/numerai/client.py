"""A client of Numerai's API, based on numerapi, whose every failure is one sentence that says what to do.

numerapi 3.1.1 has no time-outs, reports refused keys as KeyError('data'), and logs connection errors but continues
without data. This client uses numerapi's queries and token but sends the requests itself.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import requests
from numerapi import CryptoAPI, NumerAPI, SignalsAPI, base_api

from providers.numerai.keys import Keys
from providers.refusal import Refusal
from providers.retry import retry_on

CONNECT_SECONDS, ANSWER_SECONDS = 10, 30
_TRIES = 4
_WEBHOOK = """
query($modelId: String!) {
  model(modelId: $modelId) { id name submissionWebhook }
}
"""
_WEBHOOKS = """
query {
  account { models { id submissionWebhook } }
}
"""
_FIRE = """
mutation($modelId: String!) {
  triggerModelWebhook(modelId: $modelId)
}
"""
_ACCOUNT = """
query {
  account { username apiTokens { name public_id scopes } models { id name tournament } }
}
"""
_ROUND_FIELDS = "{ number openTime closeTime closeStakingTime }"
_ROUND = f"query($tournament: Int!) {{ rounds(tournament: $tournament, number: 0) {_ROUND_FIELDS} }}"
_SUBMISSION_FIELDS = "{ id triggerId insertedAt round { number tournament } }"
_SUBMISSIONS = f"query($modelId: String!) {{ submissions(modelId: $modelId) {_SUBMISSION_FIELDS} }}"
# numerapi's round_model_performances_v2 returns every round since the model exists, a few megabytes; this is the same
# query for the last rounds alone.
_PERFORMANCES = """
query($modelId: String!, $tournament: Int!, $lastNRounds: Int!) {
  v2RoundModelPerformances(modelId: $modelId, tournament: $tournament, lastNRounds: $lastNRounds) {
    roundNumber roundOpenTime roundResolveTime roundResolved atRisk
    submissionScores { displayName value payoutPending payoutSettled }
  }
}
"""
_PRICE = """
query {
  latestNmrPrice { priceUsd }
}
"""
_LEADERBOARDS: Mapping[int, Callable[..., list[dict[str, Any]]]] = {
    8: NumerAPI.get_leaderboard,
    11: SignalsAPI.get_leaderboard,
    12: CryptoAPI.get_leaderboard,
}
_MOST_MODELS = 20_000
_MUTATION = re.compile(
    r"\s*mutation\s*\([^(){}]*\)\s*{\s*(setSubmissionWebhook|triggerModelWebhook)\s*\([^(){}]*\)\s*}\s*"
)
"""All that this project changes at Numerai. numerapi could also stake, release stakes and edit profiles."""


class NumeraiRefused(Refusal):
    """Numerai answered with an error. The text is a sentence for the user."""


class KeysRefused(NumeraiRefused):
    """Numerai did not accept the API keys."""


class NumeraiSilent(Refusal):
    """Numerai could not be reached or did not answer in time."""


class NumeraiBusy(NumeraiSilent):
    """Numerai accepts no more requests for now. `seconds`: how long it asks to wait, 0 if it does not say."""

    def __init__(self, text: str, seconds: float) -> None:
        super().__init__(text)
        self.seconds = seconds


class _Passing(Exception):
    """There was no answer, or a temporary error; a retry may succeed."""


class _TooMany(_Passing):
    """Numerai limits the number of requests (HTTP 429)."""

    def __init__(self, retry_after: str) -> None:
        super().__init__("HTTP 429")
        self.seconds = float(retry_after) if retry_after.isdecimal() else 0.0


@functools.cache
def open_session() -> requests.Session:
    """Return the connections of this process. Without them, each call would load all certificates again."""
    return requests.Session()


class Client(base_api.Api):
    """numerapi's client. All of numerapi's queries work and raise the errors of this module."""

    def __init__(self, keys: Keys | None = None, pause: float = 1.0) -> None:
        self._keys, self._pause = keys, pause
        super().__init__(verbosity="CRITICAL", show_progress_bars=False)

    def _login(self, _public_id: str | None = None, _secret_key: str | None = None) -> None:
        # numerapi's own method would also read keys from the environment and from ./.env.
        self.token = (self._keys.public_id, self._keys.secret) if self._keys else None  # type: ignore[assignment]

    def raw_query(
        self, query: str, variables: dict[str, Any] | None = None, authorization: bool = False, **_: Any
    ) -> dict[str, Any]:
        """Send a query and return the answer's JSON, `data` included.

        Raises NumeraiRefused, KeysRefused, NumeraiSilent and NumeraiBusy.
        """
        if "mutation" in query and not _MUTATION.fullmatch(query):
            raise NumeraiRefused("This program changes nothing at Numerai but webhooks; the request was not sent.")
        headers = {"Accept": "application/json"}
        if authorization and self.token:
            headers["Authorization"] = f"Token {self.token[0]}${self.token[1]}"
        again = retry_on(_Passing, _TRIES, self._pause)
        try:
            return again(self._send, {"query": query, "variables": variables or {}}, headers)
        except _TooMany as error:
            raise NumeraiBusy(
                f"Numerai accepts no more requests for now ({error}, {_TRIES} tries); try again in a minute.",
                error.seconds,
            ) from error
        except _Passing as error:
            raise NumeraiSilent(
                f"Numerai could not be reached ({error}, {_TRIES} tries). Try again in a minute; Numerai announces "
                "outages on its Discord and forum."
            ) from error

    def _send(self, body: dict[str, Any], headers: dict[str, str]) -> dict[str, Any]:
        limits = (CONNECT_SECONDS, ANSWER_SECONDS)
        try:
            answer = open_session().post(base_api.API_TOURNAMENT_URL, json=body, headers=headers, timeout=limits)
        except requests.RequestException as error:
            # Without the error's text, which may be long and contains URLs with their parameters.
            raise _Passing(f"no answer: {type(error).__name__}") from error
        if answer.status_code == 429:
            raise _TooMany(answer.headers.get("Retry-After", ""))
        if answer.status_code >= 500:
            raise _Passing(f"HTTP {answer.status_code}")
        if answer.status_code in (401, 403):
            raise KeysRefused(
                "Numerai refused the API keys. Expected a public id and its secret key, which the account's settings "
                "on numer.ai show only once: create a new pair there and set both."
            )
        try:
            content = answer.json()
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise NumeraiRefused(f"Numerai answered HTTP {answer.status_code} without JSON; try again in a minute.")
        if content.get("errors"):
            raise NumeraiRefused(f"Numerai refused: {_read_message(content['errors'])}")
        if not isinstance(content.get("data"), dict):
            raise NumeraiRefused(f"Numerai answered HTTP {answer.status_code} without data; try again in a minute.")
        return content

    def account(self) -> dict[str, Any]:
        """Return the account of the keys: username, apiTokens {name public_id scopes}, models {id name tournament}."""
        return self._query_account(_ACCOUNT)

    def _query_account(self, query: str) -> dict[str, Any]:
        account = self.raw_query(query, authorization=True)["data"]["account"]
        if account is None:
            raise NumeraiRefused("Numerai returned no account for these keys; they lack a scope.")
        return dict(account)

    def webhook(self, model_id: str) -> str | None:
        """Return the registered webhook of a model of this account, or None."""
        model = self.raw_query(_WEBHOOK, {"modelId": model_id}, authorization=True)["data"]["model"]
        if model is None:
            raise NumeraiRefused(f"Numerai refused: the account has no model with the id {model_id}.")
        return model["submissionWebhook"] or None

    def webhooks(self) -> dict[str, str | None]:
        """Return the registered webhooks of all models of the account by the models' ids, by one request."""
        models = self._query_account(_WEBHOOKS)["models"] or []
        return {model["id"]: model["submissionWebhook"] or None for model in models}

    def set_webhook(self, model_id: str, url: str | None) -> None:
        """Set a model's webhook; None clears it."""
        if not self.set_submission_webhook(model_id, url):
            raise NumeraiRefused(f"Numerai did not set the webhook of the model {model_id}; try again in a minute.")

    def fire(self, model_id: str) -> str:
        """Make Numerai call the model's webhook as a test. Returns the new trigger id."""
        return str(self.raw_query(_FIRE, {"modelId": model_id}, authorization=True)["data"]["triggerModelWebhook"])

    def current_round(self, tournament: int) -> dict[str, Any] | None:
        """Return number, openTime, closeTime and closeStakingTime of a tournament's latest round; needs no keys."""
        rounds = self.raw_query(_ROUND, {"tournament": tournament})["data"]["rounds"] or []
        return next((dict(round_) for round_ in rounds if round_), None)

    def submissions(self, model_id: str) -> list[dict[str, Any]]:
        """Return a model's submissions, newest first: id, triggerId, insertedAt, round {number tournament}."""
        data = self.raw_query(_SUBMISSIONS, {"modelId": model_id}, authorization=True)["data"]
        return _sort_submissions(data["submissions"])

    def survey(
        self, model_ids: Sequence[str], tournaments: Sequence[int]
    ) -> tuple[dict[str, list[dict[str, Any]]], dict[int, list[dict[str, Any]]]]:
        """Return the submissions of models of the account, and all rounds of tournaments, by one request.

        The fields are those of `submissions` and `current_round`. Announced rounds are included, in no order.
        """
        models, numbers = dict(enumerate(dict.fromkeys(model_ids))), dict(enumerate(dict.fromkeys(tournaments)))
        parameters = [f"$m{place}: String!" for place in models] + [f"$t{place}: Int!" for place in numbers]
        fields = [f"m{place}: submissions(modelId: $m{place}) {_SUBMISSION_FIELDS}" for place in models]
        fields += [f"t{place}: rounds(tournament: $t{place}) {_ROUND_FIELDS}" for place in numbers]
        variables = {f"m{place}": model for place, model in models.items()}
        query = f"query({', '.join(parameters)}) {{ {' '.join(fields)} }}"
        data = self.raw_query(
            query, {**variables, **{f"t{place}": number for place, number in numbers.items()}}, bool(models)
        )["data"]
        return (
            {model: _sort_submissions(data[f"m{place}"]) for place, model in models.items()},
            {
                number: [dict(round_) for round_ in data[f"t{place}"] or [] if round_ and round_["number"] is not None]
                for place, number in numbers.items()
            },
        )

    def performances(self, model_id: str, tournament: int, rounds: int) -> list[dict[str, Any]]:
        """Return a model's last `rounds` rounds with their scores and payouts, in no particular order; needs no keys.

        numerapi calls this query deprecated, but the one that replaces it returns neither stakes nor payouts.
        """
        variables = {"modelId": model_id, "tournament": tournament, "lastNRounds": rounds}
        performances = self.raw_query(_PERFORMANCES, variables)["data"]["v2RoundModelPerformances"] or []
        return [dict(round_) for round_ in performances if round_]

    def leaderboard(self, tournament: int) -> list[dict[str, Any]]:
        """Return every model of a tournament with `username`, `rank` and `nmrStaked`; needs no keys."""
        return _LEADERBOARDS[tournament](self, _MOST_MODELS)

    def nmr_price(self) -> float | None:
        """Return the price of 1 NMR in USD, or None if Numerai names none; needs no keys."""
        price = self.raw_query(_PRICE)["data"]["latestNmrPrice"] or {}
        return None if price.get("priceUsd") is None else float(price["priceUsd"])


def _sort_submissions(answer: Sequence[dict[str, Any]] | None) -> list[dict[str, Any]]:
    return sorted(answer or [], key=lambda item: str(item["insertedAt"]), reverse=True)


def _read_message(errors: Any) -> str:
    first = errors[0] if isinstance(errors, list) else errors
    text = str(first.get("message") or first.get("detail") or first) if isinstance(first, dict) else str(first)
    return text if text.endswith(".") else f"{text}."
