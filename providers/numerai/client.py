"""Numerai's API through numerapi, with its rough edges made smooth: every failure is one sentence with a next step.

numerapi 3.1.1 has no time-outs, shows refused keys as KeyError('data'), logs connection errors and then goes on with
nothing. This client keeps its queries and its token and does the sending itself.
"""

from __future__ import annotations

from typing import Any

import requests
import tenacity
from numerapi import base_api

from providers.numerai.keys import Keys
from providers.refusal import Refusal

CONNECT_SECONDS, ANSWER_SECONDS = 10, 30
_TRIES = 4
_WEBHOOK = """
query($modelId: String!) {
  model(modelId: $modelId) { id name submissionWebhook }
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
_ROUNDS = """
query($tournament: Int!) {
  rounds(tournament: $tournament, number: 0) { number openTime closeTime closeStakingTime }
}
"""
_ALL_ROUNDS = """
query($tournament: Int!) {
  rounds(tournament: $tournament) { number openTime closeTime closeStakingTime }
}
"""
_SUBMISSIONS = """
query($modelId: String!) {
  submissions(modelId: $modelId) { id triggerId insertedAt round { number tournament } }
}
"""


class NumeraiRefused(Refusal):
    """Numerai answered with an error; the text is a sentence."""


class KeysRefused(NumeraiRefused):
    """Numerai does not know these keys."""


class NumeraiSilent(Refusal):
    """Numerai could not be reached or did not answer in time."""


class _Passing(Exception):
    """No answer, or one that says to come again; worth another try."""


class Client(base_api.Api):
    """numerapi's base class; all of its queries work and raise this module's errors."""

    def __init__(self, keys: Keys | None = None, pause: float = 1.0) -> None:
        self._keys, self._pause = keys, pause
        super().__init__(verbosity="CRITICAL", show_progress_bars=False)

    def _login(self, _public_id: str | None = None, _secret_key: str | None = None) -> None:
        # numerapi would also look for keys in the environment and in ./.env.
        self.token = (self._keys.public_id, self._keys.secret) if self._keys else None  # type: ignore[assignment]

    def raw_query(
        self, query: str, variables: dict[str, Any] | None = None, authorization: bool = False, **_: Any
    ) -> dict[str, Any]:
        """The answer's JSON with its `data`. Raises NumeraiRefused, KeysRefused, NumeraiSilent."""
        headers = {"Accept": "application/json"}
        if authorization and self.token:
            headers["Authorization"] = f"Token {self.token[0]}${self.token[1]}"
        again = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_Passing),
            wait=tenacity.wait_exponential(multiplier=self._pause, max=8 * self._pause),
            stop=tenacity.stop_after_attempt(_TRIES),
            reraise=True,
        )
        try:
            return again(self._send, {"query": query, "variables": variables or {}}, headers)
        except _Passing as error:
            raise NumeraiSilent(
                f"Numerai could not be asked ({error}, {_TRIES} tries). Try again in a minute; its status is on its "
                "Discord and forum."
            ) from error

    def _send(self, body: dict[str, Any], headers: dict[str, str]) -> dict[str, Any]:
        limits = (CONNECT_SECONDS, ANSWER_SECONDS)
        try:
            answer = requests.post(base_api.API_TOURNAMENT_URL, json=body, headers=headers, timeout=limits)
        except requests.RequestException as error:
            # Not the error's text: it may be long, and names addresses with what stands in them.
            raise _Passing(f"no answer: {type(error).__name__}") from error
        if answer.status_code == 429 or answer.status_code >= 500:
            raise _Passing(f"HTTP {answer.status_code}")
        if answer.status_code in (401, 403):
            raise KeysRefused(
                "Numerai refused the API keys. Expected a public id and its secret key, as the account's settings on "
                "numer.ai show them once; make a new pair there and set both again."
            )
        try:
            found = answer.json()
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise NumeraiRefused(f"Numerai answered HTTP {answer.status_code} without JSON; try again in a minute.")
        if found.get("errors"):
            raise NumeraiRefused(f"Numerai refused: {_message(found['errors'])}")
        if not isinstance(found.get("data"), dict):
            raise NumeraiRefused(f"Numerai answered HTTP {answer.status_code} without data; try again in a minute.")
        return found

    def account(self) -> dict[str, Any]:
        """Whose keys these are: username, apiTokens {name public_id scopes}, models {id name tournament}."""
        found = self.raw_query(_ACCOUNT, authorization=True)["data"]["account"]
        if found is None:
            raise NumeraiRefused("Numerai tells nothing about the account of these keys; they lack a scope.")
        return dict(found)

    def webhook(self, model_id: str) -> str | None:
        """The webhook that Numerai has for a model of this account; None when there is none."""
        found = self.raw_query(_WEBHOOK, {"modelId": model_id}, authorization=True)["data"]["model"]
        if found is None:
            raise NumeraiRefused(f"Numerai refused: the account has no model with the id {model_id}.")
        return found["submissionWebhook"] or None

    def set_webhook(self, model_id: str, url: str | None) -> None:
        """Set a model's webhook; None clears it."""
        if not self.set_submission_webhook(model_id, url):
            raise NumeraiRefused(f"Numerai did not take the webhook of the model {model_id}; try again in a minute.")

    def fire(self, model_id: str) -> str:
        """Ask Numerai to call the model's webhook as a test; the trigger id that it made."""
        return str(self.raw_query(_FIRE, {"modelId": model_id}, authorization=True)["data"]["triggerModelWebhook"])

    def current_round(self, tournament: int) -> dict[str, Any] | None:
        """Number, openTime, closeTime and closeStakingTime of a tournament's newest round; needs no keys."""
        found = [one for one in self.raw_query(_ROUNDS, {"tournament": tournament})["data"]["rounds"] or [] if one]
        return dict(found[0]) if found else None

    def rounds(self, tournament: int) -> list[dict[str, Any]]:
        """The same of all rounds of a tournament, in no promised order; those to come as far as they are announced."""
        found = self.raw_query(_ALL_ROUNDS, {"tournament": tournament})["data"]["rounds"] or []
        return [dict(one) for one in found if one and one.get("number") is not None]

    def submissions(self, model_id: str) -> list[dict[str, Any]]:
        """A model's submissions, newest first: id, triggerId, insertedAt, round {number tournament}."""
        found = self.raw_query(_SUBMISSIONS, {"modelId": model_id}, authorization=True)["data"]["submissions"] or []
        return sorted(found, key=lambda one: str(one["insertedAt"]), reverse=True)


def _message(errors: Any) -> str:
    first = errors[0] if isinstance(errors, list) else errors
    text = str(first.get("message") or first.get("detail") or first) if isinstance(first, dict) else str(first)
    return text if text.endswith(".") else f"{text}."
