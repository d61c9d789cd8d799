"""The API's queries: one method per field of `Query` in schema.graphql, named in snake_case.

Each method takes the caller (None without keys) and the field's arguments, and returns mappings with snake_case keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar
from urllib.parse import quote

from sandbox.numerai.accounts import Accounts, Caller, Refused, authorise
from sandbox.numerai.datasets import list_files, parse_filename
from sandbox.numerai.rounds import Rounds, stamp
from sandbox.numerai.scores import NMR_PRICE, Scores, find_stake
from sandbox.numerai.submissions import Submissions
from sandbox.numerai.tournaments import Tournament

_JOINED = "2024-01-01T00:00:00Z"
_T = TypeVar("_T")


class Query:
    """Reads accounts, rounds, data sets, submissions and scores."""

    def __init__(
        self, accounts: Accounts, rounds: Rounds, submissions: Submissions, scores: Scores, datasets_url: str
    ) -> None:
        self._accounts = accounts
        self._scores = scores
        self._rounds = rounds
        self._submissions = submissions
        self._datasets_url = datasets_url

    # accounts and models

    def account(self, caller: Caller | None) -> dict[str, Any]:
        account = authorise(caller, "read_user_info").account
        tokens = [{key: doc[key] for key in ("name", "public_id", "scopes")} for doc in self._accounts.keys(account)]
        return {
            "id": account,
            "username": account,
            "email": f"{account}@example.com",
            "status": "VERIFIED",
            "available_nmr": "0",
            "mfa_enabled": False,
            "inserted_at": _JOINED,
            "models": [self._model(model) for model in self._accounts.models(account)],
            "api_tokens": tokens,
            "wallet_txns": [],
        }

    def model(self, caller: Caller | None, model_id: str | None = None) -> dict[str, Any]:
        return self._model(self._accounts.model(model_id, authorise(caller, "read_user_info")))

    def account_profile(self, _caller: Caller | None, username: str, tournament: int | None = None) -> dict[str, Any]:
        kind = Tournament.from_number(tournament or 0)
        models = [model for model in self._accounts.models(username) if kind in (None, model["tournament"])]
        return {"models": [{"id": model["id"], "display_name": model["name"]} for model in models]}

    def v3_user_profile(self, _caller: Caller | None, model_name: str, tournament: int | None = None) -> dict[str, Any]:
        model = self._accounts.find(model_name, tournament)
        if model is None:
            raise Refused(f"User not found: no model is named {model_name!r}.")
        stake = str(find_stake(model))
        profile = {"id": model["id"], "username": model["name"], "start_date": _JOINED}
        return {**profile, "nmr_staked": stake, "stake_value": stake, "daily_model_performances": []}

    def v2_signals_profile(self, caller: Caller | None, model_name: str) -> dict[str, Any]:
        return self.v3_user_profile(caller, model_name, Tournament.SIGNALS.number)

    def _model(self, model: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": model["id"],
            "name": model["name"],
            "username": model["name"],
            "display_name": model["name"],
            "tournament": Tournament(model["tournament"]).number,
            "submission_webhook": model["webhook"],
            "submissions": self._submissions.describe(model["id"]),
            "latest_submissions": self._submissions.latest(model),
        }

    # leaderboards: every model and account

    def v2_leaderboard(self, _caller: Caller | None, **page: int | None) -> list[dict[str, Any]]:
        return self._ranks(Tournament.CLASSIC, **page)

    def signals_leaderboard(self, _caller: Caller | None, **page: int | None) -> list[dict[str, Any]]:
        return self._ranks(Tournament.SIGNALS, **page)

    def cryptosignals_leaderboard(self, _caller: Caller | None, **page: int | None) -> list[dict[str, Any]]:
        return self._ranks(Tournament.CRYPTO, **page)

    def account_leaderboard(
        self, _caller: Caller | None, tournament: int | None = None, **page: int | None
    ) -> list[dict[str, Any]]:
        kind = Tournament.from_number(tournament or 0)
        names = dict.fromkeys(m["account"] for m in self._accounts.all_models() if kind in (None, m["tournament"]))
        return [{"username": name, "display_name": name} for name in _page(list(names), **page)]

    def _ranks(self, kind: Tournament, **page: int | None) -> list[dict[str, Any]]:
        return _page(self._scores.list_ranks(kind), **page)

    def latest_nmr_price(self, _caller: Caller | None) -> dict[str, str]:
        return {"price_usd": NMR_PRICE, "last_updated": stamp(self._scores.now())}

    # rounds

    def rounds(
        self,
        _caller: Caller | None,
        tournament: int | None = None,
        number: int | None = None,
        target: str | None = None,
        status: str | None = None,
        limit: int | None = None,
    ) -> Sequence[dict[str, Any] | None]:
        kinds = [kind for kind in Tournament if not tournament or kind.number == tournament]
        if number == 0:
            current = [(kind, doc) for kind in kinds if (doc := self._rounds.find(kind))]
            return [self._rounds.describe(doc, kind) for kind, doc in current] or [None]
        rounds = [self._rounds.describe(doc, kind) for kind in kinds for doc in self._rounds.of(kind)]
        arguments = {"number": number, "target": target, "status": status}
        conditions = {key: value for key, value in arguments.items() if value is not None}
        return [shown for shown in rounds if all(shown[key] == value for key, value in conditions.items())][:limit]

    def tournaments(self, _caller: Caller | None) -> list[dict[str, Any]]:
        return [{"name": kind.value, "tournament": kind.number} for kind in Tournament]

    # data sets

    def list_datasets(
        self, _caller: Caller | None, round: int | None = None, tournament: int | None = None
    ) -> list[str]:
        return list_files()

    def dataset(
        self,
        _caller: Caller | None,
        filename: str,
        round: int | None = None,
        tournament: int | None = None,
    ) -> str:
        kind, _ = parse_filename(filename)
        doc = self._rounds.find(kind, round)
        if doc is None:
            raise Refused(f"Round not found: {kind} has no round {round}.")
        return f"{self._datasets_url}/data/{quote(filename)}?round={doc['number']}"

    # submissions

    def submissions(self, caller: Caller | None, model_id: str | None = None) -> list[dict[str, Any]]:
        model = self._accounts.model(model_id, authorise(caller, "read_submission_info"))
        return self._submissions.describe(model["id"])

    def submission_scores(self, _caller: Caller | None, model_id: str, **_: Any) -> list[dict[str, Any]]:
        self._accounts.model(model_id)
        return []

    def v2_round_model_performances(
        self, _caller: Caller | None, model_id: str, tournament: int, last_n_rounds: int | None = None
    ) -> list[dict[str, Any]]:
        model = self._accounts.model(model_id)
        if Tournament(model["tournament"]).number != tournament:
            return []
        return self._scores.list_performances(model, last_n_rounds)

    def pending_model_payouts(self, caller: Caller | None, **_: Any) -> dict[str, Any]:
        authorise(caller, "read_user_info")
        return {"actual": [], "pending": []}

    def submission_upload_auth(
        self, caller: Caller | None, filename: str, tournament: int, model_id: str | None = None
    ) -> dict[str, str]:
        if tournament == Tournament.SIGNALS.number:
            raise Refused("Invalid tournament: Signals uploads go by submissionUploadSignalsAuth.")
        model = self._accounts.model(model_id, authorise(caller, "upload_submission"))
        return self._submissions.authorise(model, tournament, filename)

    def submission_upload_signals_auth(
        self,
        caller: Caller | None,
        filename: str,
        tournament: int | None = None,
        model_id: str | None = None,
    ) -> dict[str, str]:
        model = self._accounts.model(model_id, authorise(caller, "upload_submission"))
        return self._submissions.authorise(model, tournament or Tournament.SIGNALS.number, filename)

    def submission_download_auth(self, caller: Caller | None, id: str | None = None) -> dict[str, str]:
        account = authorise(caller, "download_submission").account
        return self._submissions.download(id or "", {model["id"] for model in self._accounts.models(account)})


def _page(items: list[_T], limit: int | None = None, offset: int | None = None) -> list[_T]:
    return items[offset or 0 :][:limit]
