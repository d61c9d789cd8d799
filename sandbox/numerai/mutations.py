"""The API's mutations: one method per field of `Mutation` in schema.graphql, named in snake_case."""

from __future__ import annotations

from typing import Any

from sandbox.numerai.accounts import Accounts, Caller, Refused, authorise
from sandbox.numerai.rounds import Rounds
from sandbox.numerai.submissions import Submissions
from sandbox.numerai.tournaments import Tournament
from sandbox.numerai.webhooks import Webhooks, check_url


class Mutation:
    """Registers and tests webhooks, and creates submissions. Every other mutation is refused."""

    def __init__(self, accounts: Accounts, rounds: Rounds, submissions: Submissions, webhooks: Webhooks) -> None:
        self._accounts = accounts
        self._rounds = rounds
        self._submissions = submissions
        self._webhooks = webhooks

    # submissions

    def create_submission(
        self,
        caller: Caller | None,
        filename: str,
        tournament: int,
        model_id: str | None = None,
        trigger_id: str | None = None,
        source: str | None = None,
        data_datestamp: int | None = None,
    ) -> dict[str, Any]:
        model = self._accounts.model(model_id, authorise(caller, "upload_submission"))
        if Tournament(model["tournament"]).number != tournament or tournament == Tournament.SIGNALS.number:
            raise Refused(
                f"Invalid tournament: model {model['name']} is in {model['tournament']}; "
                "Classic (8) and Crypto (12) submit by create_submission, Signals by createSignalsSubmission."
            )
        return self._create(model, filename, trigger_id, source)

    def create_signals_submission(
        self,
        caller: Caller | None,
        filename: str,
        model_id: str | None = None,
        trigger_id: str | None = None,
        source: str | None = None,
        data_datestamp: int | None = None,
    ) -> dict[str, Any]:
        model = self._accounts.model(model_id, authorise(caller, "upload_submission"))
        if model["tournament"] != Tournament.SIGNALS:
            raise Refused(f"Invalid tournament: model {model['name']} is in {model['tournament']}, not in signals.")
        return self._create(model, filename, trigger_id, source)

    def _create(
        self, model: dict[str, Any], filename: str, trigger_id: str | None, source: str | None
    ) -> dict[str, Any]:
        record = self._submissions.create(model, filename, trigger_id, source)
        round_ = {"number": record["round"], "tournament": Tournament(record["tournament"]).number}
        return {**record, "round": round_, "first_effective_date": record["inserted_at"][:10]}

    # webhooks

    def set_submission_webhook(
        self, caller: Caller | None, model_id: str, new_submission_webhook: str | None = None
    ) -> str:
        model = self._accounts.model(model_id, authorise(caller, "upload_submission"))
        self._accounts.change(model["id"], webhook=check_url(new_submission_webhook))
        return "true"  # a string, as in Numerai's answers and as numerapi expects

    def trigger_model_webhook(self, caller: Caller | None, model_id: str) -> str:
        model = self._accounts.model(model_id, authorise(caller, "upload_submission"))
        if model["webhook"] is None:
            raise Refused(f"Webhook: model {model['name']} has none; set one first.")
        current = self._rounds.find(Tournament(model["tournament"]))
        record = self._webhooks.fire(model, current["number"] if current else 0, is_test=True)
        if record["status"] == 0:
            raise Refused(f"Webhook: no answer ({record['answer']}).")
        if not 200 <= record["status"] < 300:
            phrase = " Internal Server Error" if record["status"] == 500 else ""
            raise Refused(f"Webhook: it answered {record['status']}{phrase}: {record['answer'][:300]}")
        trigger_id: str = record["trigger_id"]
        return trigger_id
